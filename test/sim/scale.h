/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What a site of a mesh sends when each binding moves once a minute, as lines of a table: by the
 * number of sites and of bindings. 0: the exit status. */
int scale_print(void);
