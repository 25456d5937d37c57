/* Doubly linked chains whose links lie in the members, called `prev` and `next`: all connections of a server, say. */
#ifndef BASE_CHAIN_H
#define BASE_CHAIN_H

#define CHAIN_ADD(first, x)                                                                                            \
	do {                                                                                                           \
		(x)->prev = NULL;                                                                                      \
		(x)->next = (first);                                                                                   \
		if ((first))                                                                                           \
			(first)->prev = (x);                                                                           \
		(first) = (x);                                                                                         \
	} while (0)

#define CHAIN_DROP(first, x)                                                                                           \
	do {                                                                                                           \
		if ((x)->next)                                                                                         \
			(x)->next->prev = (x)->prev;                                                                   \
		if ((x)->prev)                                                                                         \
			(x)->prev->next = (x)->next;                                                                   \
		else                                                                                                   \
			(first) = (x)->next;                                                                           \
	} while (0)

#endif
