/* local.c - see local.h. */
#include "local.h"

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"

json_t *
local_check(const char *path)
{
	struct conf_faults faults = { NULL, 0 };
	json_t *v = json_object(), *list = json_array(), *f;
	struct conf *conf;
	struct err e = ERR_INIT;
	size_t i;

	conf = conf_load(path, &faults, &e);
	for (i = 0; i < faults.n; i++) {
		f = json_object();
		json_put_int(f, "line", faults.list[i].line);
		json_put_int(f, "column", faults.list[i].column);
		json_put_str(f, "text", faults.list[i].text);
		BUG_IF(json_array_append_new(list, f) != 0);
	}
	json_put_str(v, "path", path);
	json_put_bool(v, "ok", conf != NULL);
	json_put_str(v, "error", conf != NULL ? NULL : e.msg);
	json_put(v, "faults", list);
	conf_faults_done(&faults);
	conf_unref(conf);
	return v;
}
