/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings: one line each, and the only list of them. Parsing and the printed help both come
 * from here. Settings are read once, when the first controller is opened, or by the first call that
 * needs one without a controller.
 *
 *   RSMI_SETTING(field, variable, kind, default text, accepted, sentence)
 * kind: WORD (one of the accepted words; value = its position), FLAG (0 or 1), TEXT (a copy is
 * kept).
 */
#ifndef RSMI_SETTING
#error "define RSMI_SETTING before including env_defs.h"
#endif

/* clang-format off */
RSMI_SETTING(log,         "RSM_LOG",         WORD, "warn", "quiet|warn|info|trace",
             "what is written to standard error: nothing, one-line warnings, decisions, every state change")
RSMI_SETTING(path,        "RSM_PATH",        WORD, "auto", "auto|window",
             "data path between ranks: chosen per connection, or always the MPI window")
RSMI_SETTING(strict_sgio, "RSM_STRICT_SGIO", FLAG, "0",    "0|1",
             "1: a vector of more than RSM_MAX_SGIOREQS (16) entries is RSMERR_BAD_SGIO, as on Solaris")
RSMI_SETTING(strict_memlock, "RSM_STRICT_MEMLOCK", FLAG, "0", "0|1",
             "1: a local memory handle whose pages cannot be locked in memory is RSMERR_INSUFFICIENT_MEM")
RSMI_SETTING(agent_cpus,  "RSM_AGENT_CPUS",  TEXT, "",     "list such as 0,2-3",
             "processors where the service thread may run; empty: chosen near the rank")
RSMI_SETTING(segmentid_file, "RSM_SEGMENTID_FILE", TEXT, "/etc/rsm/rsm.segmentid", "path of a file",
             "where rsm_get_segmentid_range() looks; the path is read once, the file in each call")
/* clang-format on */

#undef RSMI_SETTING
