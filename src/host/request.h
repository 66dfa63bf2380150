/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client asks, from JSON to the control core's request: {"cmd":"show bindings",
 * "prefix":"2001:db8::/32"}. One table of commands and the fields each takes; unknown and
 * duplicate keys are refused. Pure; any thread.
 */
#pragma once

#include <stddef.h>

#include "control/ctl.h"

#define REQUEST_MAX 65536 /* octets of a line with its newline */

/* Fills cmd and filters of *req, which is zero there. 0, or -EINVAL with a line in err. */
int request_parse(const char *line, size_t len, struct ctl_req *req, char *err, size_t err_len);
