// Stand-in for Rogue's header of this name.
#ifndef STANDIN_ROGUE_DIRECTIVES_H
#define STANDIN_ROGUE_DIRECTIVES_H
#ifndef __STDC_FORMAT_MACROS
#define __STDC_FORMAT_MACROS
#endif
#endif
