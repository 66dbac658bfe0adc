#pragma once
/* What a venue's error code proves about the order it answers. A code that no table knows proves nothing: UNKNOWN. */
#include "venue.h"

/* `status`: HTTP or WS-API status, 0 where there is none. `text`: the venue's message; some codes mean several
 * things and only the text tells which. */
enum venue_error_class binance_error_class(int32_t code, int status, struct venue_text text);
enum venue_error_class mexc_error_class(int32_t code, int status, struct venue_text text);
/* From the HTTP status alone, for answers without a readable body. */
enum venue_error_class error_class_of_status(int status);
