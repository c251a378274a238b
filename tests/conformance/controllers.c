/* SPDX-License-Identifier: BSD-3-Clause */
/* Controllers and topology (reference 7, 8). */
#include <string.h>
#include <unistd.h>

#include "conf.h"

static char mpi0_name[] = "mpi0";

static void handles_are_counted(conf_t *c)
{
    char *name = c->way == CONF_LOOPBACK ? NULL : mpi0_name;
    rsmapi_controller_handle_t again = NULL;
    rsmapi_controller_attr_t attr;

    conf_renew(c); /* one reference */
    t_expect_ok(rsm_get_controller(name, &again));
    t_expect_eq(again, c->controller);
    t_expect_ok(rsm_release_controller(c->controller));
    t_expect_ok(rsm_get_controller_attr(c->controller, &attr));
    t_expect_ok(rsm_release_controller(c->controller));
    t_expect_code(rsm_release_controller(c->controller),
                  PAIR(rsm_release_controller, RSMERR_BAD_CTLR_HNDL));
    t_expect_code(rsm_get_controller_attr(c->controller, &attr),
                  PAIR(rsm_get_controller_attr, RSMERR_BAD_CTLR_HNDL));
    t_expect_code(rsm_release_controller(NULL), RSMERR_BAD_CTLR_HNDL);
    conf_renew(c);
    t_expect_ok(rsm_get_controller_attr(c->controller, &attr));
}

static void names_of_loopback(conf_t *c)
{
    char names[][12] = {"loopback", "LOOPBACK0", "Loopback", "loopback7"};
    rsmapi_controller_handle_t first = NULL;

    (void)c;
    t_require_ok(rsm_get_controller(NULL, &first));
    for (unsigned i = 0; i < 4; i++) {
        rsmapi_controller_handle_t other = NULL;

        t_expect_ok(rsm_get_controller(names[i], &other));
        t_expect_eq(other, first);
        t_expect_ok(rsm_release_controller(first));
    }
    t_expect_ok(rsm_release_controller(first));
}

static void unknown_names(conf_t *c)
{
    char names[][8] = {"nosuch0", "nosuch", "", "mpi", "mpi0x", "0"};
    rsmapi_controller_handle_t handle = c->controller;
    char endless[300];

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        int rc = rsm_get_controller(names[i], &handle);

        if (strcmp(names[i], "mpi") == 0) { /* without digits the unit is 0 */
            t_expect_ok(rc);
            t_expect_ok(rsm_release_controller(handle));
        } else {
            t_expect_code(rc, PAIR(rsm_get_controller, RSMERR_CTLR_NOT_PRESENT));
        }
        t_expect_eq(handle, c->controller); /* untouched */
    }
    memset(endless, 'm', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    t_expect_code(rsm_get_controller(endless, &handle), RSMERR_CTLR_NOT_PRESENT);
    t_expect_eq(handle, c->controller);
    t_expect_code(rsm_get_controller(names[0], NULL),
                  PAIR(rsm_get_controller, RSMERR_BAD_CTLR_HNDL));
    t_expect_code(rsm_get_controller(mpi0_name, NULL), RSMERR_BAD_CTLR_HNDL);
}

static void attributes(conf_t *c)
{
    rsmapi_controller_attr_t attr;

    t_expect_code(rsm_get_controller_attr(NULL, &attr), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    t_expect_code(rsm_get_controller_attr(c->controller, NULL),
                  PAIR(rsm_get_controller_attr, RSMERR_BAD_ADDR));
    memset(&attr, 0xa5, sizeof attr);
    t_expect_ok(rsm_get_controller_attr(c->controller, &attr));
    t_expect_eq(attr.attr_page_size, (size_t)sysconf(_SC_PAGESIZE));
    t_require_eq(attr.attr_page_size, CONF_PAGE); /* what the suite counts in */
    t_expect(attr.attr_max_export_segment_size >= CONF_LENGTH);
    t_expect(attr.attr_tot_export_segment_size >= attr.attr_max_export_segment_size);
    t_expect(attr.attr_max_export_segments > 0);
    t_expect(attr.attr_max_import_segments > 0);
}

/** mpi0 in a snapshot; loopback is not in it. */
static const rsm_connections_t *find_mpi0(const rsm_topology_t *topology)
{
    const rsm_connections_t *found = NULL;

    for (unsigned i = 0; i < topology->topology_hdr.local_cntlr_count; i++) {
        const rsm_connections_t *block = topology->connections[i];

        t_expect(strncmp(block->hdr.cntlr_name, "loopback", 8) != 0);
        if (strcmp(block->hdr.cntlr_name, mpi0_name) == 0) {
            t_expect(found == NULL);
            found = block;
        }
    }
    return found;
}

static void topology(conf_t *c)
{
    rsm_topology_t *first = NULL;
    rsm_topology_t *second = NULL;
    const rsm_connections_t *mpi0;
    rsmapi_controller_handle_t handle = NULL;
    char name[MAXNAMELEN];

    t_expect_code(rsm_get_interconnect_topology(NULL),
                  PAIR(rsm_get_interconnect_topology, RSMERR_BAD_TOPOLOGY_PTR));
    rsm_free_interconnect_topology(NULL);
    t_require_ok(rsm_get_interconnect_topology(&first));
    t_require_ok(rsm_get_interconnect_topology(&second));
    t_expect_ne(first, second);
    rsm_free_interconnect_topology(first); /* the other is independent of it */
    t_expect_eq((uintptr_t)second % 8, 0);
    t_expect_eq(second->topology_hdr.local_nodeid, c->exporter);
    mpi0 = find_mpi0(second);
    t_require(mpi0 != NULL);
    for (int i = 0; i < mpi0->hdr.remote_cntlr_count; i++) {
        const rsm_remote_cntlr_t *remote = &mpi0->remote_cntlr[i];

        t_expect_eq(remote->connection_state, RSM_CONNECTION_ACTIVE);
        t_expect_eq(remote->connection_state, 3);
        t_expect_ne(remote->remote_nodeid, second->topology_hdr.local_nodeid);
        t_expect_str(remote->remote_cntlrname, mpi0_name);
        for (int other = 0; other < i; other++) {
            t_expect_ne(remote->remote_nodeid, mpi0->remote_cntlr[other].remote_nodeid);
        }
    }
    memcpy(name, mpi0->hdr.cntlr_name, sizeof name);
    t_expect_ok(rsm_get_controller(name, &handle));
    t_expect_eq(handle, c->controller);
    t_expect_ok(rsm_release_controller(handle));
    rsm_free_interconnect_topology(second);
}

const conf_test_t conf_controllers[] = {
    CONF_TEST(handles_are_counted, CONF_LOCAL, PROVES(1)),
    CONF_TEST(names_of_loopback, CONF_SELF, PROVES(2)),
    CONF_TEST(unknown_names, CONF_SELF, PROVES(3)),
    CONF_TEST(attributes, CONF_LOCAL, PROVES(4)),
    CONF_TEST(topology, CONF_SELF, PROVES(5)),
    CONF_END,
};
