/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the configuration says about addresses and routes, put into the tables once at start.
 * Addresses come first: neighbour discovery is made for the rows that are there, and routes
 * need its gateways. Before workers run.
 */
#pragma once

#include <stddef.h>

struct ctl;

/* 0, or -errno with a line in err. */
int install_addresses(struct ctl *ctl, char *err, size_t err_len);
int install_peers(struct ctl *ctl, char *err, size_t err_len); /* of a mesh: their tunnels */
int install_routes(struct ctl *ctl, char *err, size_t err_len);
