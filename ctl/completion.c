/* completion.c - see completion.h. */
#include "completion.h"

#include <string.h>

#include "base/mem.h"
#include "wire/ctl_cmds.h"

static const char *const globals[] = { "--json", "--socket", "--config",
	"--help", "--version" };

/* Every command, with a blank behind each. */
static void
completion_names(FILE *to)
{
	size_t i;

	for (i = 0; i < COUNT_OF(ctl_cmds); i++)
		(void)fprintf(to, "%s ", ctl_cmds[i].name);
	(void)fputs("help", to);
}

/* The options of ${cmd} and of the program, with a blank in front of each. */
static void
completion_options(FILE *to, const struct ctl_cmd *cmd)
{
	struct ctl_param params[CTL_PARAM_MAX];
	size_t n = ctl_cmd_params(cmd, params), i;

	for (i = 0; i < n; i++)
		if (params[i].is_option)
			(void)fprintf(to, " --%s", params[i].option);
	for (i = 0; i < COUNT_OF(globals); i++)
		(void)fprintf(to, " %s", globals[i]);
}

/*
 * bash and zsh, which has bash's way to complete too: the first word that is
 * no option is the command; files only where a path is meant.
 */
static void
completion_bash(FILE *to)
{
	size_t i;

	(void)fputs("_ragbackupctl() {\n"
		    "    local word=${COMP_WORDS[COMP_CWORD]} cmd= list= i\n"
		    "    case ${COMP_WORDS[COMP_CWORD-1]} in\n"
		    "    --socket|--config)\n"
		    "        COMPREPLY=($(compgen -f -- \"$word\")); return;;\n"
		    "    esac\n"
		    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
		    "        case ${COMP_WORDS[i]} in\n"
		    "        --socket|--config) i=$((i + 1));;\n"
		    "        -*) ;;\n"
		    "        *) cmd=${COMP_WORDS[i]}; break;;\n"
		    "        esac\n"
		    "    done\n"
		    "    case $cmd in\n"
		    "    ''|help) list='",
	    to);
	completion_names(to);
	for (i = 0; i < COUNT_OF(globals); i++)
		(void)fprintf(to, " %s", globals[i]);
	(void)fputs("';;\n", to);
	for (i = 0; i < COUNT_OF(ctl_cmds); i++) {
		(void)fprintf(to, "    %s) list='", ctl_cmds[i].name);
		completion_options(to, &ctl_cmds[i]);
		(void)fputs("';;\n", to);
	}
	(void)fputs("    esac\n"
		    "    COMPREPLY=($(compgen -W \"$list\" -- \"$word\"))\n"
		    "    if [ \"$cmd\" = check ]; then\n"
		    "        COMPREPLY+=($(compgen -f -- \"$word\"))\n"
		    "    fi\n"
		    "}\n"
		    "complete -F _ragbackupctl ragbackupctl\n",
	    to);
}

static void
completion_zsh(FILE *to)
{
	(void)fputs("autoload -U +X bashcompinit && bashcompinit\n", to);
	completion_bash(to);
}

static void
completion_fish_cmd(FILE *to, const struct ctl_cmd *cmd)
{
	struct ctl_param params[CTL_PARAM_MAX];
	size_t n = ctl_cmd_params(cmd, params), i;

	(void)fprintf(to,
	    "complete -c ragbackupctl -n __fish_use_subcommand "
	    "-a %s -d \"%s\"\n",
	    cmd->name, cmd->help);
	for (i = 0; i < n; i++)
		if (params[i].is_option)
			(void)fprintf(to,
			    "complete -c ragbackupctl -n "
			    "\"__fish_seen_subcommand_from %s\" -l %s%s\n",
			    cmd->name, params[i].option,
			    params[i].kind[0] == '\0' ? "" : " -x");
	if (cmd->id == CTL_CMD_check)
		(void)fputs("complete -c ragbackupctl -n "
			    "\"__fish_seen_subcommand_from check\" -F\n",
		    to);
}

static void
completion_fish(FILE *to)
{
	size_t i;

	(void)fputs("complete -c ragbackupctl -f\n"
		    "complete -c ragbackupctl -l json\n"
		    "complete -c ragbackupctl -l socket -r -F\n"
		    "complete -c ragbackupctl -l config -r -F\n"
		    "complete -c ragbackupctl -l help -s h\n"
		    "complete -c ragbackupctl -l version -s V\n",
	    to);
	for (i = 0; i < COUNT_OF(ctl_cmds); i++)
		completion_fish_cmd(to, &ctl_cmds[i]);
}

int
completion_print(FILE *to, const char *shell, struct err *e)
{
	static const struct {
		const char *name;
		void (*print)(FILE *);
	} shells[] = {
		{ "bash", completion_bash },
		{ "zsh", completion_zsh },
		{ "fish", completion_fish },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(shells); i++)
		if (strcmp(shells[i].name, shell) == 0) {
			shells[i].print(to);
			return 0;
		}
	return err_set(e, ERR_USAGE,
	    "completion is for bash, zsh or fish, not "
	    "'%.40s'",
	    shell);
}
