/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing is sealed twice under the same key and nonce, by whoever, and nothing that is sealed is
 * opened twice: every seal of the code under test, and each that it opens, is looked at on its way
 * to libsodium (the linker sees to that), all through a world.
 */
#pragma once

struct world;

void keys_begin(struct world *w); /* of this world, until keys_end() */
void keys_end(void);
