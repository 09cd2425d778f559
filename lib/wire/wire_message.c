/* wire_message.c - what the lines mean; see wire.h. */
#include "wire/wire.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static const char *const kinds[] = { "hello", "data", "progress", "end",
	"error" };

json_t *
wire_hello_new(void)
{
	json_t *msg = json_object(), *hello = json_object();

	json_put_int(hello, "protocol", WIRE_PROTOCOL);
	json_put_str(hello, "version", RAGBACKUP_VERSION);
	json_put(msg, "hello", hello);
	return msg;
}

int
wire_hello_check(const json_t *msg, struct err *e)
{
	const json_t *hello = json_get_object(msg, "hello");
	int64_t protocol;

	if (hello == NULL)
		return err_set(e, ERR_PROTOCOL, "the first line is no hello");
	protocol = json_get_int(hello, "protocol", 0);
	if (protocol != WIRE_PROTOCOL)
		return err_set(e, ERR_PROTOCOL,
		    "the other side (version %.32s) speaks protocol %" PRId64
		    ", this one %d",
		    json_get_str(hello, "version", "unknown"), protocol,
		    WIRE_PROTOCOL);
	return 0;
}

json_t *
wire_request_new(int64_t id, const char *cmd, json_t *args)
{
	json_t *msg = json_object();

	json_put_int(msg, "id", id);
	json_put_str(msg, "cmd", cmd);
	if (args != NULL)
		json_put(msg, "args", args);
	return msg;
}

int
wire_request_parse(const json_t *msg, struct wire_request *r, struct err *e)
{
	const json_t *args = json_object_get(msg, "args");

	r->id = json_get_int(msg, "id", 0);
	r->cmd = json_get_str(msg, "cmd", NULL);
	r->args = json_is_null(args) ? NULL : args;
	if (r->id <= 0)
		return err_set(e, ERR_PROTOCOL,
		    "a request needs a positive number \"id\"");
	if (r->cmd == NULL)
		return err_set(e, ERR_PROTOCOL, "a request needs a \"cmd\"");
	if (r->args != NULL && !json_is_object(r->args))
		return err_set(e, ERR_PROTOCOL, "\"args\" must be an object");
	return 0;
}

json_t *
wire_reply_new(int64_t id, enum wire_kind kind, json_t *value)
{
	json_t *msg = json_object();

	json_put(msg, "id", id == 0 ? json_null() : json_integer(id));
	json_put(msg, kinds[kind], value == NULL ? json_object() : value);
	return msg;
}

json_t *
wire_error_new(int64_t id, const struct err *e)
{
	json_t *error = json_object();

	json_put_str(error, "code", err_name(e->code));
	json_put_str(error, "message", e->msg);
	return wire_reply_new(id, WIRE_ERROR, error);
}

static int
message_parse_error(struct wire_reply *r, struct err *e)
{
	const char *code = json_get_str(r->value, "code", NULL);

	if (code == NULL)
		return err_set(e, ERR_PROTOCOL, "an error without a code");
	(void)err_set(&r->err, err_from_name(code), "%s",
	    json_get_str(r->value, "message", code));
	return 0;
}

int
wire_reply_parse(const json_t *msg, struct wire_reply *r, struct err *e)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	r->id = json_get_int(msg, "id", 0);
	for (i = 0; i < COUNT_OF(kinds); i++)
		if ((r->value = json_object_get(msg, kinds[i])) != NULL) {
			r->kind = (enum wire_kind)i;
			break;
		}
	if (r->value == NULL)
		return err_set(e, ERR_PROTOCOL, "a reply that says nothing");
	if (r->kind == WIRE_ERROR)
		return message_parse_error(r, e);
	if (r->kind != WIRE_HELLO && r->id <= 0)
		return err_set(e, ERR_PROTOCOL, "a reply without an id");
	return 0;
}
