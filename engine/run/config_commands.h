#pragma once
/* Commands that change configuration: checked whole, applied between two events, written atomically, then answered. */
#include "engine.h"

void config_update(struct engine *engine, const struct command_request *request, struct command_answer *answer);
void config_set_limits(struct engine *engine, const struct command_request *request, struct command_answer *answer);
void config_reload(struct engine *engine, const struct command_request *request, struct command_answer *answer);

/* commands.c: what the sender saw is not what is. */
bool command_view_is_old(struct engine *engine, const struct command_request *request);
