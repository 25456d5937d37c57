/* Which symbols spell a byte: see tree.h. */
#include "store/twig.h"

/* Symbol 0 is the end of the key. Bytes that names are made of have a symbol of their own, and so has 0, which parts
 * the keys of index trees; the others share one symbol a group and have a second one inside. */
#define FIRST(b)                                                                                                       \
	((b) == 0            ? 1                                                                                       \
	        : (b) < '-'  ? 2              /* 1 … , */                                                            \
	        : (b) <= '9' ? (b) - '-' + 3  /* - . / 0 … 9 */                                                      \
	        : (b) < '_'  ? 16             /* : … ^ */                                                            \
	        : (b) <= 'z' ? (b) - '_' + 17 /* _ ` a … z */                                                        \
	        : (b) < 0xa0 ? 45                                                                                      \
	        : (b) < 0xd0 ? 46                                                                                      \
	                     : SYMBOLS - 1)
#define SECOND(b)                                                                                                      \
	((b) == 0            ? 0                                                                                       \
	        : (b) < '-'  ? (b)-1                                                                                   \
	        : (b) <= '9' ? 0                                                                                       \
	        : (b) < '_'  ? (b) - ':'                                                                               \
	        : (b) <= 'z' ? 0                                                                                       \
	        : (b) < 0xa0 ? (b) - '{'                                                                               \
	        : (b) < 0xd0 ? (b)-0xa0                                                                                \
	                     : (b)-0xd0)

#define ONE(b)                                                                                                         \
	{                                                                                                              \
		(uint8_t)(FIRST(b)), (uint8_t)(SECOND(b))                                                              \
	}
#define FOUR(b) ONE(b), ONE((b) + 1), ONE((b) + 2), ONE((b) + 3)
#define SIXTEEN(b) FOUR(b), FOUR((b) + 4), FOUR((b) + 8), FOUR((b) + 12)
#define SIXTY_FOUR(b) SIXTEEN(b), SIXTEEN((b) + 16), SIXTEEN((b) + 32), SIXTEEN((b) + 48)

const uint8_t symbol_numbers[256][2] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)};

_Static_assert(FIRST('9') + 1 == FIRST(':') && FIRST('^') + 1 == FIRST('_') && FIRST('z') + 1 == FIRST('{'), "no gaps");
_Static_assert(SECOND(0xff) < SYMBOLS && SECOND('^') < SYMBOLS && SECOND(',') < SYMBOLS, "groups are small enough");
