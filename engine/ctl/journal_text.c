/* The text of journal.h, for the head of every file: readers of later releases learn the layout from it. */
#include "journal_file.h"

__asm__(".pushsection .rodata\n"
        ".global journal_text\n"
        ".global journal_text_end\n"
        "journal_text:\n"
        ".incbin \"" ENGINE_SOURCE_DIR "/journal.h\"\n"
        "journal_text_end:\n"
        ".byte 0\n"
        ".popsection\n");
