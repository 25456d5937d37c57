/* What a server is to its peers at the moment. */
#ifndef CORE_RAFT_ROLE_H
#define CORE_RAFT_ROLE_H

enum raft_role { RAFT_FOLLOWER, RAFT_CANDIDATE, RAFT_LEADER, RAFT_SHUTDOWN };

#endif
