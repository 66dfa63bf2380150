/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting goes to one place, and only a file is rotated. */
#include <string.h>

#include "conf/check.h"

int conf_check_accounting(const struct conf_check *k)
{
	const struct conf_accounting *a = &k->conf->accounting;

	if (a->file == NULL && a->socket == NULL)
		return a->given == 0 ? 0
				     : conf_refuse(k->c, "accounting: has neither file nor socket");
	if (a->file != NULL && a->socket != NULL)
		return conf_refuse(
			k->c, "accounting.socket: there is a file too; lines go to one of them");
	if (a->file != NULL && a->file[strlen(a->file) - 1] == '/')
		return conf_refuse(k->c, "accounting.file: \"%s\" is a directory", a->file);
	if (a->file != NULL)
		return conf_check_accounting_file(k);
	if (strcmp(a->socket, k->conf->runtime.socket) == 0)
		return conf_refuse(k->c, "accounting.socket: is runtime.socket");
	if (a->rotate_mb > 0 || a->rotate_s > 0)
		return conf_refuse(k->c, "accounting.rotate-%s: means nothing with a socket",
			a->rotate_mb > 0 ? "mb" : "s");
	return 0;
}
