/* SPDX-License-Identifier: BSD-3-Clause */
/* What a site of a mesh sends when each binding moves once a minute, as lines of a table: by the
 * number of sites and of bindings. */
#pragma once

int scale_print(void); /* 0: the exit status */
