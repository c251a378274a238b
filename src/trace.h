/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The only place that prints. Nothing is printed but one-line warnings about the site (setting
 * RSM_LOG, silenced by RSM_LOG=quiet) and, on request, decisions and state changes.
 */
#ifndef RSMI_TRACE_H
#define RSMI_TRACE_H

/** Which node speaks; -1 (the start): not known. */
void rsmi_trace_set_node(long node);
/** One line about something that somebody should change. */
void rsmi_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** One line about a decision. */
void rsmi_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** One line about a state change. */
void rsmi_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Would rsmi_trace() print? For callers whose arguments cost something. */
int rsmi_tracing(void);

#endif
