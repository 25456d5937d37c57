/* What only the start of an agent needed is given back to the system.
 *
 * The start reads the configuration with deep calls and touches relocations, help and parsers that an agent at work
 * never looks at again: 120 KB of a resident 2.2 MB. Called once, by the main thread, when everything has been started.
 */
#ifndef CMD_AGENT_LEAN_H
#define CMD_AGENT_LEAN_H

/* The unused part of the calling thread's stack, and the program's own bytes: those that are used come back from the
 * page cache at the next use. Fails silently: nothing depends on it. */
void lean_after_start(void);

#endif
