// Preprocessor settings that every Rogue header takes first. Declares nothing.
#ifndef ROGUE_DIRECTIVES_H
#define ROGUE_DIRECTIVES_H

// Older C libraries give C++ the PRIu64 family of <inttypes.h> only when asked.
#ifndef __STDC_FORMAT_MACROS
#define __STDC_FORMAT_MACROS
#endif

#endif
