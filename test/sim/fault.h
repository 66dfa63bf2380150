/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The faults of a world. Some come alone and are over before the next one begins, some come on top
 * of each other; what each of them does, and how it ends, is one row of a table in fault.c.
 */
#pragma once

struct world;

void faults_plan(struct world *w);
/* Ends whatever lasts: every site runs, every path is whole. Clocks stay wrong. */
void faults_mend(struct world *w);
void faults_free(struct world *w);
