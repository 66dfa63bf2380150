/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints what docs/man/hamctl.1 has between its two markers. */
#include "cli/cli.h"

int main(void)
{
	help_mdoc();
	return 0;
}
