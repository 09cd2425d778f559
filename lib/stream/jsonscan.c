/* jsonscan.c - see filter.h. */
#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"

enum {
	START, /* A value, or a byte order mark before it. */
	VALUE,
	FIRST_ITEM, /* A value or ']'. */
	FIRST_KEY,  /* A key or '}'. */
	KEY,
	COLON,
	AFTER, /* A value has ended. */
	STRING,
	ESCAPE,
	HEX,
	UTF8,
	MINUS,
	ZERO,
	INTEGER,
	POINT,
	FRACTION,
	EXPONENT,
	EXPONENT_SIGN,
	EXPONENT_DIGITS,
	WORD,
};

void
jsonscan_init(struct jsonscan *j)
{
	memset(j, 0, sizeof(*j));
	j->state = START;
}

static bool
scan_is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool
scan_is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
scan_is_hex(uint8_t c)
{
	return scan_is_digit(c) || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F');
}

static bool
scan_in_object(const struct jsonscan *j)
{
	unsigned top = j->depth - 1;

	return (j->is_object[top / 8] >> (top % 8) & 1) != 0;
}

static const char *
scan_open(struct jsonscan *j, bool is_object)
{
	uint8_t bit = (uint8_t)(1u << (j->depth % 8));

	if (j->depth == JSONSCAN_DEPTH)
		return "nested too deep";
	if (is_object)
		j->is_object[j->depth / 8] |= bit;
	else
		j->is_object[j->depth / 8] &= (uint8_t)~bit;
	j->depth++;
	j->state = is_object ? FIRST_KEY : FIRST_ITEM;
	return NULL;
}

static const char *
scan_close(struct jsonscan *j)
{
	j->depth--;
	j->state = AFTER;
	return NULL;
}

static const char *
scan_word(struct jsonscan *j, const char *rest, int next)
{
	j->word = rest;
	j->word_next = next;
	j->state = WORD;
	return NULL;
}

static const char *
scan_string(struct jsonscan *j, int64_t at, bool is_key)
{
	j->is_key = is_key;
	j->string_at = at;
	j->state = STRING;
	return NULL;
}

/* The first byte of a value. */
static const char *
scan_value(struct jsonscan *j, uint8_t c, int64_t at)
{
	j->has_value = true;
	switch (c) {
	case '{':
	case '[':
		return scan_open(j, c == '{');
	case '"':
		return scan_string(j, at, false);
	case 't':
		return scan_word(j, "rue", AFTER);
	case 'f':
		return scan_word(j, "alse", AFTER);
	case 'n':
		return scan_word(j, "ull", AFTER);
	case 'N':
		return scan_word(j, "aN", AFTER);
	case 'I':
		return scan_word(j, "nfinity", AFTER);
	case '-':
		j->state = MINUS;
		return NULL;
	default:
		if (!scan_is_digit(c))
			return "a value was expected";
		j->state = c == '0' ? ZERO : INTEGER;
		return NULL;
	}
}

/* Behind a value: what its container allows. */
static const char *
scan_after(struct jsonscan *j, uint8_t c)
{
	bool is_object;

	if (scan_is_space(c))
		return NULL;
	if (j->depth == 0)
		return "something behind the value";
	is_object = scan_in_object(j);
	if (c == ',') {
		j->state = is_object ? KEY : VALUE;
		return NULL;
	}
	if (c == (is_object ? '}' : ']'))
		return scan_close(j);
	return is_object ? "',' or '}' was expected"
			 : "',' or ']' was expected";
}

/* Between tokens: white space, then what the state asks for. */
static const char *
scan_between(struct jsonscan *j, uint8_t c, int64_t at)
{
	if (scan_is_space(c))
		return NULL;
	switch (j->state) {
	case START:
		if (at == 0 && c == 0xef)
			return scan_word(j, "\xbb\xbf", VALUE);
		return scan_value(j, c, at);
	case FIRST_ITEM:
		if (c == ']')
			return scan_close(j);
		return scan_value(j, c, at);
	case FIRST_KEY:
		if (c == '}')
			return scan_close(j);
		/* FALLTHROUGH */
	case KEY:
		return c == '"' ? scan_string(j, at, true)
				: "a key was expected";
	case COLON:
		if (c != ':')
			return "':' was expected";
		j->state = VALUE;
		return NULL;
	default:
		return scan_value(j, c, at);
	}
}

static const char *
scan_number_step(struct jsonscan *j, bool is_good, int next)
{
	if (!is_good)
		return "a number is cut short";
	j->state = next;
	return NULL;
}

/* Inside a number; what is no part of it stands behind a value. */
static const char *
scan_number(struct jsonscan *j, uint8_t c)
{
	bool is_digit = scan_is_digit(c);

	switch (j->state) {
	case MINUS:
		if (c == 'I')
			return scan_word(j, "nfinity", AFTER);
		return scan_number_step(j, is_digit, c == '0' ? ZERO : INTEGER);
	case POINT:
		return scan_number_step(j, is_digit, FRACTION);
	case EXPONENT:
		if (c == '+' || c == '-') {
			j->state = EXPONENT_SIGN;
			return NULL;
		}
		/* FALLTHROUGH */
	case EXPONENT_SIGN:
		return scan_number_step(j, is_digit, EXPONENT_DIGITS);
	default:
		break;
	}
	if (is_digit && j->state != ZERO)
		return NULL;
	if (c == '.' && (j->state == ZERO || j->state == INTEGER)) {
		j->state = POINT;
		return NULL;
	}
	if ((c == 'e' || c == 'E') && j->state != EXPONENT_DIGITS) {
		j->state = EXPONENT;
		return NULL;
	}
	j->state = AFTER;
	return scan_after(j, c);
}

/* The first byte of a character of more than one; RFC 3629's table. */
static const char *
scan_utf8_first(struct jsonscan *j, uint8_t c)
{
	if (c < 0xc2 || c > 0xf4)
		return "not UTF-8";
	j->utf8_left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	j->utf8_low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	j->utf8_high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	j->state = UTF8;
	return NULL;
}

static const char *
scan_in_string(struct jsonscan *j, uint8_t c)
{
	if (c == '"')
		j->state = j->is_key ? COLON : AFTER;
	else if (c == '\\')
		j->state = ESCAPE;
	else if (c < 0x20)
		return "a control character in a string";
	else if (c >= 0x80)
		return scan_utf8_first(j, c);
	return NULL;
}

/* Inside a character that a string writes with more than one byte. */
static const char *
scan_in_character(struct jsonscan *j, uint8_t c)
{
	switch (j->state) {
	case ESCAPE:
		if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
			return "an unknown escape in a string";
		j->hex_left = 4;
		j->state = c == 'u' ? HEX : STRING;
		return NULL;
	case HEX:
		if (!scan_is_hex(c))
			return "a wrong \\u escape in a string";
		if (--j->hex_left == 0)
			j->state = STRING;
		return NULL;
	default:
		if (c < j->utf8_low || c > j->utf8_high)
			return "not UTF-8";
		j->utf8_low = 0x80;
		j->utf8_high = 0xbf;
		if (--j->utf8_left == 0)
			j->state = STRING;
		return NULL;
	}
}

static const char *
scan_in_word(struct jsonscan *j, uint8_t c)
{
	if (c != (uint8_t)*j->word)
		return "an unknown word";
	if (*++j->word == '\0')
		j->state = j->word_next;
	return NULL;
}

static const char *
scan_byte(struct jsonscan *j, uint8_t c, int64_t at)
{
	switch (j->state) {
	case STRING:
		return scan_in_string(j, c);
	case ESCAPE:
	case HEX:
	case UTF8:
		return scan_in_character(j, c);
	case WORD:
		return scan_in_word(j, c);
	case AFTER:
		return scan_after(j, c);
	case MINUS:
	case ZERO:
	case INTEGER:
	case POINT:
	case FRACTION:
	case EXPONENT:
	case EXPONENT_SIGN:
	case EXPONENT_DIGITS:
		return scan_number(j, c);
	default:
		return scan_between(j, c, at);
	}
}

/* How many bytes from ${p} are plain characters of a string: most of all. */
static size_t
scan_plain(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' &&
	    p[i] != '\\')
		i++;
	return i;
}

int
jsonscan_write(struct jsonscan *j, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;
	const char *why;
	size_t i = 0;

	while (i < n) {
		if (j->state == STRING) {
			i += scan_plain(p + i, n - i);
			if (i == n)
				break;
		}
		why = scan_byte(j, p[i], j->offset + (int64_t)i);
		if (why != NULL)
			return err_set(e, ERR_CHECK,
			    "not JSON at byte %lld: "
			    "%s",
			    (long long)(j->offset + (int64_t)i), why);
		i++;
	}
	j->offset += (int64_t)n;
	return 0;
}

int
jsonscan_end(struct jsonscan *j, struct err *e)
{
	switch (j->state) {
	case STRING:
	case ESCAPE:
	case HEX:
	case UTF8:
		return err_set(e, ERR_CHECK,
		    "JSON truncated after %lld bytes: "
		    "unterminated string from byte %lld",
		    (long long)j->offset, (long long)j->string_at);
	case AFTER:
	case ZERO:
	case INTEGER:
	case FRACTION:
	case EXPONENT_DIGITS:
		if (j->depth == 0)
			return 0;
		break;
	default:
		break;
	}
	if (!j->has_value)
		return err_set(e, ERR_CHECK, "empty, not JSON");
	return err_set(e, ERR_CHECK,
	    "JSON truncated after %lld bytes, %u "
	    "levels deep",
	    (long long)j->offset, j->depth);
}
