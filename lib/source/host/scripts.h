/*
 * scripts.h - the scripts of this folder as texts, in the order in which they
 * are put together.
 */
#ifndef SOURCE_HOST_SCRIPTS_H
#define SOURCE_HOST_SCRIPTS_H

extern const char host_script_state[];
extern const char host_script_switch[];
extern const char host_script_verbs[];
extern const char host_script_docker_engine[];
extern const char host_script_docker_copy[];
extern const char host_script_docker[];
extern const char host_script_directory[];
extern const char host_script_ask[];

#endif
