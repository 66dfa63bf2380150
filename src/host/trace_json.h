/* SPDX-License-Identifier: BSD-3-Clause */
/* A traced packet as a JSON document: {"packet":1, ... "stages":[{"us":0,"stage":"rx", ...}]}.
 * The watch has the ports' names and the clock; number: of the packet, from 1. */
#pragma once

#include "common/jw.h"
#include "host/assemble.h"

void trace_json(struct jw *w, struct watch *watch, const struct traced *t, uint64_t number);
