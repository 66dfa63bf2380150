/* SPDX-License-Identifier: BSD-3-Clause */
/* The reload's thread against a control core played by the test: what it takes, what it refuses,
 * who gets which answer, and that it lets go of everything. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl.h"
#include "host/reload.h"
#include "host/subscribers.h"
#include "records/subs.h"

static char dir[] = "/tmp/hamd-reload-XXXXXX";
static char conf_path[64], file[64];

/* --- control --- */

static struct {
	struct subs *subs;
	const char *json;
	_Atomic(struct ctl_update *) update;
	atomic_bool hold; /* does not even take the set */
	atomic_bool keep; /* takes it and does not give the old one back */
	atomic_uint updates;
	uint32_t ended;
} control;

static void take(void)
{
	struct ctl_update *u = control.update;
	struct subs *old = control.subs;

	control.subs = u->subs;
	control.json = u->json;
	u->subs = old;
	u->ended = control.ended;
	control.updates++;
}

static void update(void *ctx, struct ctl_update *u)
{
	assert_ptr_equal(ctx, &control);
	assert_null(control.update);
	control.update = u;
	if (!control.hold)
		take();
	if (!control.hold && !control.keep)
		control.update = NULL;
}

static bool is_updated(void *ctx)
{
	(void)ctx;
	return control.update == NULL;
}

/* --- files --- */

static void write_file(const char *path, const char *text)
{
	char temporary[80];
	FILE *f;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	f = fopen(temporary, "we");
	assert_non_null(f);
	for (; *text != '\0'; text++)
		fputc(*text == '\'' ? '"' : *text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(temporary, path), 0);
}

static const char *by_default = ""; /* what lines of the file take */

static void write_conf(const char *runtime, const char *domain)
{
	char text[1024];

	snprintf(text, sizeof(text),
		"{'runtime':{%s},'ports':[{'name':'wan','device':'net_null0'}],'domains':[{"
		"'name':'msp1','mobile-prefixes':['2001:db8:a::/48'],"
		"'home-agent-address':'2001:db8:a::1','subscribers':{'file':'%s'%s}%s}]}",
		runtime, file, by_default, domain);
	write_file(conf_path, text);
}

#define NONE(hoa)      "{'home-address':'" hoa "','auth':{'type':'none'}}\n"
#define FOR_4(hoa)     "{'home-address':'" hoa "','auth':{'type':'none'},'lifetime-max-s':4}\n"
#define THREE          NONE("2001:db8:a::2") NONE("2001:db8:a::3") NONE("2001:db8:a::4")
#define THREE_ANSWERED "{\"subscribers\":3,\"added\":0,\"changed\":0,\"removed\":0"

static struct conf *conf;
static struct reload *reload;
static char err[512];

static void set_up_with(const char *domain)
{
	struct reload_opts opts = {
		.path = conf_path,
		.ops = { .ctx = &control, .update = update, .is_updated = is_updated },
	};

	memset(&control, 0, sizeof(control));
	write_conf("", domain);
	write_file(file, THREE);
	if (conf_load(conf_path, &conf, err, sizeof(err)) < 0 ||
		subscribers_load(conf, NULL, &control.subs, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	opts.conf = conf;
	opts.subs = control.subs;
	if (reload_start(&opts, &reload, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static int setup(void **state)
{
	(void)state;
	set_up_with("");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reload_stop(reload);
	subs_free(control.subs);
	conf_free(conf);
	return 0;
}

/* --- asking --- */

static struct ctl_req new_request(void)
{
	struct ctl_req req = { .cmd = CTL_RELOAD };

	jw_init(&req.out, 65536);
	return req;
}

static struct ctl_req *reap(void)
{
	struct ctl_req *back = NULL;

	for (unsigned i = 0; i < 20000 && back == NULL; i++) {
		back = reload_reap(reload);
		if (back == NULL)
			usleep(500);
	}
	if (back == NULL)
		fail_msg("no answer");
	return back;
}

/* Ask, and this is the answer: its error, or how its document begins. */
static void ask(int status, const char *answer)
{
	struct ctl_req req = new_request();

	assert_int_equal(reload_submit(reload, &req), 0);
	assert_ptr_equal(reap(), &req);
	assert_true(req.done);
	if (req.status != status)
		fail_msg("%d: %s", req.status, req.error);
	if (status != 0) {
		char want[600];

		snprintf(want, sizeof(want), "%s; nothing was changed", answer);
		assert_string_equal(req.error, want);
		assert_int_equal(req.out.len, 0);
	} else if (req.out.len < strlen(answer) ||
		   strncmp(req.out.buf, answer, strlen(answer)) != 0) {
		fail_msg("%.*s", (int)req.out.len, req.out.buf);
	}
	jw_done(&req.out);
	assert_null(reload_reap(reload));
}

static uint32_t lifetime(const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	const struct sub *sub = subs_find(control.subs, 0, &a);

	return sub != NULL ? sub->lifetime_max_s : 0;
}

/* --- tests --- */

static void test_changes(void **state)
{
	(void)state;
	ask(0, THREE_ANSWERED);
	write_file(file, NONE("2001:db8:a::3") FOR_4("2001:db8:a::4") NONE("2001:db8:a::5")
				 NONE("2001:db8:a::6"));
	control.ended = 1;
	ask(0, "{\"subscribers\":4,\"added\":2,\"changed\":1,\"removed\":1,\"bindings-ended\":1,");
	assert_int_equal(control.updates, 2);
	assert_int_equal(lifetime("2001:db8:a::2"), 0);
	assert_int_equal(lifetime("2001:db8:a::3"), 3600);
	assert_int_equal(lifetime("2001:db8:a::4"), 4);
	/* the configuration's own: another file's place, a range, a node, the log's level */
	write_conf("'log-level':'err'", ",'mobile-nodes':[{'home-address':'2001:db8:a::9','auth':{"
					"'type':'none'}}]");
	ask(0, "{\"subscribers\":5,\"added\":1,\"changed\":0,\"removed\":0,");
	assert_int_equal(log_get_level(), LOG_ERR);
	assert_non_null(strstr(control.json, "2001:db8:a::9"));
	log_set_level(LOG_INFO);
	unlink(file);
	write_conf("", "");
	write_file(file, "");
	ask(0, "{\"subscribers\":0,\"added\":0,\"changed\":0,\"removed\":5,");
	assert_int_equal(subs_count(control.subs), 0);
}

/* Nothing of it is used, and what is right later is. */
static void test_refusals(void **state)
{
	struct subs *before = control.subs;
	char want[600];

	(void)state;
	write_file(file, THREE NONE("2001:db8:b::2"));
	snprintf(want, sizeof(want),
		"%s:4: home-address: 2001:db8:b::2 is in no mobile prefix of the domain", file);
	ask(-EINVAL, want);
	write_file(file, THREE "{");
	snprintf(want, sizeof(want), "%s:4:2: the text ends too early", file);
	ask(-EINVAL, want);
	unlink(file);
	snprintf(want, sizeof(want),
		"%s: domains[0].subscribers.file: %s: No such file or directory", conf_path, file);
	ask(-ENOENT, want);
	write_file(file, THREE);
	write_conf("'idle-sleep-us':7", "");
	snprintf(want, sizeof(want), "%s: runtime.idle-sleep-us: needs a restart", conf_path);
	ask(-EINVAL, want);
	write_conf("", ",'limits':{'bu-per-s':5}");
	snprintf(want, sizeof(want), "%s: domains[0].limits.bu-per-s: needs a restart", conf_path);
	ask(-EINVAL, want);
	write_conf("", ",'lifetime':5");
	snprintf(want, sizeof(want), "%s: domains[0].lifetime: unknown key", conf_path);
	ask(-EINVAL, want);
	unlink(conf_path);
	snprintf(want, sizeof(want), "%s: No such file or directory", conf_path);
	ask(-ENOENT, want);
	assert_int_equal(mkfifo(conf_path, 0600), 0);
	snprintf(want, sizeof(want), "%s: is a pipe: it cannot be read again", conf_path);
	ask(-EINVAL, want);
	unlink(conf_path);
	assert_int_equal(control.updates, 0);
	assert_ptr_equal(control.subs, before);
	write_conf("", "");
	ask(0, THREE_ANSWERED);
}

/* What the log says while a reload is answered. */
static void ask_and_read_log(char *said, size_t room)
{
	struct ctl_req req = new_request();
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(f);
	assert_true(before >= 0 && dup2(fileno(f), STDERR_FILENO) >= 0);
	assert_int_equal(reload_submit(reload, &req), 0);
	assert_ptr_equal(reap(), &req);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	if (req.status != 0)
		fail_msg("%s", req.error);
	jw_done(&req.out);
	rewind(f);
	len = fread(said, 1, room - 1, f);
	said[len] = '\0';
	fclose(f);
}

#define NONE_HAS  ",'default':{'auth':{'type':'none'}}"
#define ALL_HAVE  ",'remember-sequence':true"
#define NONE_HAVE ",'remember-sequence':false"

/* Numbers are kept of more mobile nodes than the start laid out: that begins with the next start. A
 * file without a default may have any whom nothing but a number protects. */
static void test_numbers(void **state)
{
	static const struct {
		const char *first_default, *first, *then_default, *then;
		bool says;
	} rows[] = {
		{ NONE_HAS, "", "", "", true },
		{ "", "", "", ALL_HAVE, true },
		{ "", "", "", "", false },
		{ "", ALL_HAVE, "", ALL_HAVE, false },
		{ "", ALL_HAVE, "", "", false },
		{ NONE_HAS, NONE_HAVE, "", NONE_HAVE, false },
		{ "", "", NONE_HAS, "", false },
	};
	static const char line[] = "domains[0].remember-sequence: begins with the next start";
	char said[4096];

	for (size_t i = 0; i < DIM(rows); i++) {
		teardown(state);
		by_default = rows[i].first_default;
		set_up_with(rows[i].first);
		by_default = rows[i].then_default;
		write_conf("", rows[i].then);
		ask_and_read_log(said, sizeof(said));
		if ((strstr(said, line) != NULL) != rows[i].says)
			fail_msg("row %u: %s", (unsigned)i, said);
	}
	by_default = "";
}

static void wait_updates(unsigned n)
{
	for (unsigned i = 0; i < 20000 && control.updates < n; i++)
		usleep(500);
	assert_int_equal(control.updates, n);
}

/* The thread is done with a reload a little after control is: until then it is busy. */
static void wait_idle(void)
{
	struct ctl_req req = new_request();
	int status;

	do {
		assert_int_equal(reload_submit(reload, &req), 0);
		status = reap()->status;
		jw_reset(&req.out);
	} while (status == -EBUSY);
	assert_int_equal(status, 0);
	jw_done(&req.out);
}

static void test_signal(void **state)
{
	struct ctl_req req = new_request();

	(void)state;
	write_file(file, NONE("2001:db8:a::7"));
	kill(getpid(), SIGHUP);
	wait_updates(1);
	assert_int_equal(lifetime("2001:db8:a::7"), 3600);
	assert_null(reload_reap(reload));
	kill(getpid(), SIGHUP);
	wait_updates(2);
	wait_idle();
	ask(0, "{\"subscribers\":1,");
	/* whoever asks while a signal's reload runs is told so */
	control.keep = true;
	kill(getpid(), SIGHUP);
	wait_updates(5);
	assert_int_equal(reload_submit(reload, &req), 0);
	assert_int_equal(reap()->status, -EBUSY);
	control.keep = false;
	control.update = NULL;
	jw_done(&req.out);
}

/* While one runs: whoever asks is told so at once, up to as many as api has clients; a signal is
 * remembered. */
static void test_busy(void **state)
{
	struct ctl_req req = new_request(), more[17];
	unsigned refused = 0;

	(void)state;
	control.keep = true;
	assert_int_equal(reload_submit(reload, &req), 0);
	wait_updates(1);
	for (unsigned i = 0; i < DIM(more); i++) {
		more[i] = new_request();
		refused += reload_submit(reload, &more[i]) == 0;
	}
	assert_int_equal(refused, 16);
	for (unsigned i = 0; i < refused; i++) {
		struct ctl_req *back = reap();

		assert_int_equal(back->status, -EBUSY);
		assert_string_equal(
			back->error, "a reload is running; ask again when it has ended");
		assert_int_equal(back->out.len, 0);
	}
	kill(getpid(), SIGHUP);
	assert_null(reload_reap(reload));
	control.keep = false;
	control.update = NULL;
	assert_ptr_equal(reap(), &req);
	assert_int_equal(req.status, 0);
	wait_updates(2);
	for (unsigned i = 0; i < DIM(more); i++)
		jw_done(&more[i].out);
	jw_done(&req.out);
}

/* Stopped in the middle, before control took the set and after: nothing is lost or freed twice (the
 * address sanitizer looks). */
static void test_stop(void **state)
{
	struct ctl_req req = new_request();

	(void)state;
	control.hold = true;
	assert_int_equal(reload_submit(reload, &req), 0);
	while (control.update == NULL)
		usleep(500);
	reload_stop(reload);
	jw_done(&req.out);
	subs_free(control.subs);
	conf_free(conf);

	setup(state);
	control.keep = true;
	req = new_request();
	assert_int_equal(reload_submit(reload, &req), 0);
	wait_updates(1);
	jw_done(&req.out);
}

static int setup_all(void **state)
{
	sigset_t hup;

	(void)state;
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_BLOCK, &hup, NULL);
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(conf_path, sizeof(conf_path), "%s/hamd.json", dir);
	snprintf(file, sizeof(file), "%s/s.jsonl", dir);
	return 0;
}

static int teardown_all(void **state)
{
	(void)state;
	unlink(conf_path);
	unlink(file);
	return rmdir(dir);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_changes),
		TEST(test_refusals),
		TEST(test_numbers),
		TEST(test_signal),
		TEST(test_busy),
		TEST(test_stop),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
