/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files with field tables share; private to fields*.c. */
#pragma once

#include "common/util.h"
#include "conf/conf.h"
#include "conf/field.h"

#define CONF_NAME_PATTERN "^[a-z0-9][a-z0-9-]*$"

#define CONF_ROOM(type, member) sizeof(((struct type *)NULL)->member)
#define CONF_SECTION(type, table, mask)                                                            \
	.fields = (table), .field_count = DIM(table), .size = sizeof(struct type),                 \
	.given = offsetof(struct type, mask)

/* Tables refer to each other by address, which a constant initializer takes from data only. */
extern const struct conf_section conf_mesh_section; /* struct conf_mesh */
extern const struct conf_section conf_domain_peer_section; /* struct conf_domain_peer */
