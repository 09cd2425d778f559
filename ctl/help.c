/* help.c - see help.h. */
#include "help.h"

#include <string.h>

#include "base/mem.h"

static const char *const about_cmds[CTL_CMD_COUNT] = {
	[CTL_CMD_trigger] =
	    "Prints the number of the run.  With --wait, follows it as watch\n"
	    "does.\n",
	[CTL_CMD_watch] =
	    "Shows the run until it ends.  Ctrl-C stops only the watching\n"
	    "(status 130).  Exits with 0 when the run is done, 2 when it is\n"
	    "partial, 1 when it failed or was canceled.\n",
	[CTL_CMD_cancel] =
	    "Waits until the services are back and the run has ended.  Exits\n"
	    "with 0 when it was canceled.\n",
	[CTL_CMD_history] =
	    "T is a day or a time (\"2026-03-29\", \"2026-03-29 04:00\", RFC\n"
	    "3339), or a span such as 8d: so long ago.  S is one of running,\n"
	    "done, partial, failed, canceled.  Without --limit: 100 runs.\n",
	[CTL_CMD_next] =
	    "Without --count: one time for each job, or five of JOB.\n",
	[CTL_CMD_check] =
	    "With FILE no daemon is needed; without it the daemon validates the\n"
	    "file that it was started with.  Every fault is printed.\n",
	[CTL_CMD_status] =
	    "What is owed (services to be started, copies to be removed after a\n"
	    "crash) comes first.\n",
	[CTL_CMD_snapshots] =
	    "Only snapshots with their manifest, read from the stores.  Exits\n"
	    "with 1 when a store cannot be read.\n",
};

static const char about_all[] =
    "\n"
    "Options:\n"
    "  --json           print JSON: stable fields, times in UTC\n"
    "  --socket PATH    the daemon's socket\n"
    "  --config FILE    the configuration that names it\n"
    "  --help           this text; behind a command, about that command\n"
    "  --version        this program's version\n"
    "\n"
    "\"ragbackupctl completion bash\" (zsh, fish) prints a script that completes\n"
    "these words.\n"
    "\n"
    "The socket is --socket, else $RAGBACKUP_SOCKET, else daemon.socket of\n"
    "the configuration, else the system's default.\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 partial, 64 wrong arguments, 69 daemon\n"
    "not reachable, 77 not permitted, 78 faulty configuration, 130 stopped\n"
    "watching.\n";

void
help_print(FILE *to, const struct ctl_cmd *cmd)
{
	size_t i;

	if (cmd != NULL) {
		(void)fprintf(to,
		    "usage: ragbackupctl %s%s%s [--json]\n\n"
		    "%s.\n",
		    cmd->name, *cmd->syntax == '\0' ? "" : " ", cmd->syntax,
		    cmd->help);
		if (about_cmds[cmd->id] != NULL)
			(void)fprintf(to, "\n%s", about_cmds[cmd->id]);
		return;
	}
	(void)fputs("usage: ragbackupctl COMMAND [ARGUMENT ...]\n\n", to);
	for (i = 0; i < COUNT_OF(ctl_cmds); i++) {
		const struct ctl_cmd *c = &ctl_cmds[i];

		(void)fprintf(to, "  %s%s%s\n        %s\n", c->name,
		    *c->syntax == '\0' ? "" : " ", c->syntax, c->help);
	}
	(void)fputs(about_all, to);
}
