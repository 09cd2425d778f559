/*
 * conf_place.h - where things are on this platform when nobody says.
 *
 * Threads: any.
 */
#ifndef CONF_CONF_PLACE_H
#define CONF_CONF_PLACE_H

/* The default of daemon.state_dir; NULL without a home; free() it. */
char *conf_place_state_dir(void);

#endif
