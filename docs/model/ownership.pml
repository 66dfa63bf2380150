/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ownership and commit of the mesh, for Spin: three sites, mobile nodes with one binding each, one
 * crash and one partition at any moment. What src/records/copy.c, src/sync/commit.c and
 * src/sync/walk.c do, without the machinery that gets a change from one site to another: here
 * any site may send what it holds of a key at any moment. It arrives at once, or one message at a
 * time stays under way for as long as it likes, which stands for loss, delay and reordering alike.
 *
 * A copy of a record is
 *	seq, by		its content: the number of the Binding Update, and who accepted it
 *	claim, term, owner	who answers: the number it was claimed with, raised by takeovers
 * and a merge takes the higher of each pair of versions, apart.
 *
 * Checked: (1) what was acknowledged as held by a second site is never lost by the loss of one
 * site; (2) at no site does an older registration replace a newer one; (3) when nothing is under
 * way any more all sites that serve hold the same, and one of them is the owner; (4) takeovers end.
 *
 * scripts/model runs it (README.md tells how far that goes), and once for each PLANT_* below, which
 * must be found.
 */

#define SITES 3
#ifndef KEYS
#define KEYS 2
#endif
#ifndef BUS
#define BUS 2 /* Binding Updates that each mobile node sends */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef PARTITIONS
#define PARTITIONS 1
#endif
#define NOBODY 3

typedef copy {
	byte seq;	/* 0: no record */
	byte by;
	byte claim;
	byte term;
	byte owner
}

typedef row {
	copy rec[KEYS]
}

typedef flags {
	bool key[KEYS]
}

typedef grid {
	flags to[SITES]
}

typedef wire {
	bool busy;
	byte from;
	byte to;
	byte key;
	copy what
}

row site[SITES];		/* what each one holds */
bool up[SITES] = true;
bool ready[SITES] = true;	/* serves; one that came back first fetches what the others hold */
flags lacks[SITES];		/* joining: not fetched yet */
byte dead[SITES];		/* bit i: holds site i to be dead */
grid owes[SITES];		/* changed since the other one acknowledged it */
flags waits[SITES];		/* an acknowledgement waits until another site holds it */
wire late;			/* the message that is under way */

byte sent[KEYS];		/* Binding Updates that were sent; each may be heard, again, anywhere */
byte promised[KEYS];		/* acknowledged as held by two sites */
byte crashes, partitions;
byte cut = NOBODY;		/* the site on the other side of the cut */

#define together(a, b)	(cut == NOBODY || ((a) != cut && (b) != cut))
#define holds_dead(a, b) ((dead[a] >> (b)) & 1)

/* Version orders. */
#define newer_content(a, b) (a.seq > b.seq || (a.seq == b.seq && a.by > b.by))
#ifdef PLANT_ONE_VERSION	/* the last word about anything wins */
#define newer_owner(a, b) (a.term > b.term || (a.term == b.term && \
	(a.claim > b.claim || (a.claim == b.claim && a.owner > b.owner))))
#else
#define newer_owner(a, b) (a.claim > b.claim || (a.claim == b.claim && \
	(a.term > b.term || (a.term == b.term && a.owner > b.owner))))
#endif

inline owe_all(s, k)
{
	i = 0;
	do
	:: i < SITES -> owes[s].to[i].key[k] = (i != s); i++
	:: else -> break
	od;
	skip
}

/* Into site s's copy of k. */
inline merge(s, k, c)
{
#ifdef PLANT_ONE_VERSION
	if
	:: newer_owner(c, site[s].rec[k]) -> take_content(s, k, c); take_owner(s, k, c); owe_all(s, k)
	:: else
	fi
#else
	changed = false;
	if
	:: newer_content(c, site[s].rec[k]) ->
		assert(c.seq >= site[s].rec[k].seq);	/* (2) */
		take_content(s, k, c);
		changed = true
	:: else
	fi;
	if
	:: newer_owner(c, site[s].rec[k]) -> take_owner(s, k, c); changed = true
	:: else
	fi;
	/* what was learned is passed on by who made it, but for whoever that one cannot reach:
	 * here simply by all */
	if
	:: changed -> owe_all(s, k)
	:: else
	fi
#endif
}

inline take_content(s, k, c)
{
	site[s].rec[k].seq = c.seq;
	site[s].rec[k].by = c.by
}

inline take_owner(s, k, c)
{
	site[s].rec[k].claim = c.claim;
	site[s].rec[k].term = c.term;
	site[s].rec[k].owner = c.owner
}

#define same(a, b) (a.seq == b.seq && a.by == b.by && a.claim == b.claim && a.term == b.term && \
	a.owner == b.owner)

/* x holds c of key k now, and tells s, who sent it. */
inline acknowledge(s, x, k, c)
{
	if
	:: up[s] && same(c, site[s].rec[k]) ->
		owes[s].to[x].key[k] = false;
		if
		:: waits[s].key[k] ->
			waits[s].key[k] = false;
			promised[k] = (site[s].rec[k].seq > promised[k] ->
				site[s].rec[k].seq : promised[k])
		:: else
		fi
	:: else
	fi
}

inline forget_late()
{
	late.busy = false;
	late.from = 0;
	late.to = 0;
	late.key = 0;
	late.what.seq = 0;
	late.what.by = 0;
	late.what.claim = 0;
	late.what.term = 0;
	late.what.owner = 0
}

/* A site serves in the eyes of s. */
#define is_live(s, x) ((x) == (s) || !holds_dead(s, x))

/* Nothing of x is heard now, or it says that it does not serve. One that is heard again and serves
 * must not be claimed from, though it is held dead until everything is compared: two sites that
 * hold each other dead would outbid each other without end. */
#ifdef PLANT_OUTBID
#define is_silent(s, x) true
#else
#define is_silent(s, x) (!up[x] || !ready[x] || !together(s, x))
#endif

/* Of key k among those s holds to be alive: the first one from k on. */
#define successor(s, k) (is_live(s, (k) % SITES) -> (k) % SITES : \
	(is_live(s, ((k) + 1) % SITES) -> ((k) + 1) % SITES : ((k) + 2) % SITES))

/* (1): somebody who is up holds it. */
inline check_promises()
{
	i = 0;
	do
	:: i < KEYS ->
		assert(promised[i] == 0 ||
			(up[0] && site[0].rec[i].seq >= promised[i]) ||
			(up[1] && site[1].rec[i].seq >= promised[i]) ||
			(up[2] && site[2].rec[i].seq >= promised[i]));
		i++
	:: else -> break
	od
}

/* (3) */
inline check_settled()
{
	i = 0;
	do
	:: i < KEYS ->
		j = 0;
		do
		:: j < SITES ->
			if
			:: up[j] ->
				assert(ready[j]);
				assert(site[j].rec[i].seq >= promised[i]);
				/* whoever claims a binding has heard the newest registration */
				assert(site[j].rec[i].claim == site[j].rec[i].seq);
				assert(site[j].rec[i].seq == 0 || up[site[j].rec[i].owner]);
				x = (j + 1) % SITES;
				assert(!up[x] || (site[j].rec[i].seq == site[x].rec[i].seq &&
					site[j].rec[i].by == site[x].rec[i].by &&
					site[j].rec[i].term == site[x].rec[i].term &&
					site[j].rec[i].owner == site[x].rec[i].owner))
			:: else
			fi;
			j++
		:: else -> break
		od;
		i++
	:: else -> break
	od
}

/* Everything a crashed site knew is gone, but not what it had sent. */
inline wipe(s)
{
	i = 0;
	do
	:: i < KEYS ->
		site[s].rec[i].seq = 0;
		site[s].rec[i].by = 0;
		site[s].rec[i].claim = 0;
		site[s].rec[i].term = 0;
		site[s].rec[i].owner = 0;
		waits[s].key[i] = false;
		lacks[s].key[i] = true;
		j = 0;
		do
		:: j < SITES -> owes[s].to[j].key[i] = false; j++
		:: else -> break
		od;
		i++
	:: else -> break
	od;
	dead[s] = 0;
	ready[s] = false
}

/* Any of (site, other site, key), s != x. */
inline choose()
{
	s = 0; x = 1; k = 0;
	do
	:: s < SITES - 1 -> s++
	:: break
	od;
	if
	:: x = (s + 1) % SITES
	:: x = (s + 2) % SITES
	fi;
	do
	:: k < KEYS - 1 -> k++
	:: break
	od
}

#define idle_pair(a, b) (!owes[a].to[b].key[0] && !owes[a].to[b].key[KEYS - 1])
#define knows(a, b) (holds_dead(a, b) == !up[b])
#define settled_pair(a, b) (!up[a] || !up[b] || (idle_pair(a, b) && !holds_dead(a, b)))
#define owner_ok(a, k) (!up[a] || site[a].rec[k].seq == 0 || !holds_dead(a, site[a].rec[k].owner))
#define settled (cut == NOBODY && !late.busy && \
	settled_pair(0, 1) && settled_pair(0, 2) && settled_pair(1, 0) && \
	settled_pair(1, 2) && settled_pair(2, 0) && settled_pair(2, 1) && \
	(!up[0] || (knows(0, 1) && knows(0, 2))) && (!up[1] || (knows(1, 0) && knows(1, 2))) && \
	(!up[2] || (knows(2, 0) && knows(2, 1))) && \
	(!up[0] || ready[0]) && (!up[1] || ready[1]) && (!up[2] || ready[2]) && \
	owner_ok(0, 0) && owner_ok(1, 0) && owner_ok(2, 0) && \
	owner_ok(0, KEYS - 1) && owner_ok(1, KEYS - 1) && owner_ok(2, KEYS - 1))

init {
	byte s, x, k, n, i, j;	/* of one step */
	bool changed;

	do
	/* a mobile node sends its next Binding Update */
	:: sent[0] < BUS -> sent[0]++
#if KEYS > 1
	:: sent[1] < BUS -> sent[1]++
#endif
	:: atomic {
		choose();
		if
		/* a Binding Update is heard, for the first time or again */
		:: up[s] && ready[s] && site[s].rec[k].seq < sent[k] && x == (s + 1) % SITES ->
			n = site[s].rec[k].seq + 1;
			do
			:: n < sent[k] -> n++
			:: break
			od;
			skip;
			d_step {
				site[s].rec[k].seq = n;
				site[s].rec[k].by = s;
				site[s].rec[k].claim = n;
				site[s].rec[k].term = 0;
				site[s].rec[k].owner = s;
				waits[s].key[k] = true;
				owe_all(s, k);
#ifdef PLANT_COMMIT_COUNTS_ITSELF
				promised[k] = (n > promised[k] -> n : promised[k])
#endif
			}
		/* what x lacks is sent, and there */
		:: up[s] && up[x] && !holds_dead(s, x) && together(s, x) && owes[s].to[x].key[k] ->
			d_step {
				merge(x, k, site[s].rec[k]);
				acknowledge(s, x, k, site[s].rec[k])
			}
		/* it is sent, and takes its time */
		:: up[s] && up[x] && !holds_dead(s, x) && together(s, x) && owes[s].to[x].key[k] &&
			!late.busy ->
			d_step {
				late.busy = true;
				late.from = s;
				late.to = x;
				late.key = k;
				late.what.seq = site[s].rec[k].seq;
				late.what.by = site[s].rec[k].by;
				late.what.claim = site[s].rec[k].claim;
				late.what.term = site[s].rec[k].term;
				late.what.owner = site[s].rec[k].owner
#ifdef PLANT_ACK_BEFORE_APPLY
				;
				acknowledge(s, x, k, site[s].rec[k])
#endif
			}
		/* it arrives, or whom it was for is no more */
		:: late.busy && late.from == s && late.to == x && late.key == k &&
			(!up[x] || together(s, x)) ->
			d_step {
				if
				:: up[x] ->
					merge(x, k, late.what);
					acknowledge(s, x, k, late.what)
				:: else
				fi;
				forget_late()
			}
		/* silence: it is dead, or behind the cut */
		:: k == 0 && up[s] && ready[s] && !holds_dead(s, x) && (!up[x] || !together(s, x)) ->
			d_step {
				dead[s] = dead[s] | (1 << x);
				i = 0;
				do
				:: i < KEYS -> owes[s].to[x].key[i] = false; i++
				:: else -> break
				od;
				skip
			}
		/* it is heard again, and serves: everything is compared */
		:: k == 0 && up[s] && holds_dead(s, x) && up[x] && ready[x] && together(s, x) ->
			d_step {
				dead[s] = dead[s] & (7 - (1 << x));
				i = 0;
				do
				:: i < KEYS -> owes[s].to[x].key[i] = (site[s].rec[i].seq > 0); i++
				:: else -> break
				od;
				skip
			}
		/* a takeover */
		:: x == (s + 1) % SITES && up[s] && ready[s] && site[s].rec[k].seq > 0 &&
			site[s].rec[k].owner != s && holds_dead(s, site[s].rec[k].owner) &&
			is_silent(s, site[s].rec[k].owner) && successor(s, k) == s ->
			d_step {
				site[s].rec[k].term = site[s].rec[k].term + 1;
				assert(site[s].rec[k].term < 8);	/* (4) */
#ifdef PLANT_CLAIM_RAISED
				/* as if the takeover were newer than any registration */
				site[s].rec[k].claim = site[s].rec[k].claim + 1;
#endif
				site[s].rec[k].owner = s;
				owe_all(s, k)
			}
		/* a crash: one; it comes back with nothing and fetches all from one that serves */
		:: k == 0 && x == (s + 1) % SITES && up[s] && crashes < CRASHES && cut == NOBODY ->
			d_step {
				crashes++;
				up[s] = false;
				wipe(s);
				check_promises();
				skip
			}
		:: k == 0 && x == (s + 1) % SITES && !up[s] && cut == NOBODY ->
			d_step {
				up[s] = true
			}
		:: up[s] && !ready[s] && lacks[s].key[k] && up[x] && ready[x] && together(s, x) ->
			d_step {
				merge(s, k, site[x].rec[k]);
				lacks[s].key[k] = false;
				/* changes of x from here on come as such; those of the third one
				 * when it hears of us */
				owes[x].to[s].key[k] = false;
				ready[s] = !lacks[s].key[0] && !lacks[s].key[KEYS - 1]
			}
		/* one site is cut off from the other two, once, for a while */
		:: k == 0 && x == (s + 1) % SITES && partitions < PARTITIONS && cut == NOBODY &&
			up[0] && up[1] && up[2] && ready[0] && ready[1] && ready[2] ->
			d_step {
				partitions++;
				cut = s
			}
		:: k == 0 && x == (s + 1) % SITES && cut == s ->
			d_step {
				cut = NOBODY
			}
		:: settled && sent[0] == BUS && sent[KEYS - 1] == BUS && s == 0 && x == 1 && k == 0 ->
			d_step {
				check_settled();
				skip
			};
			break
		/* not one of these */
		:: else -> skip
		fi;
		d_step {
			s = 0;
			x = 0;
			k = 0;
			n = 0;
			i = 0;
			j = 0;
			changed = false
		}
	}
	od
}
