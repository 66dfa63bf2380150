-- SPDX-License-Identifier: BSD-3-Clause
-- What moves cost: data flow at a rate, at rest first, then while mobile nodes move.
--
-- churn = {pps, seconds (at rest), from (port of the Binding Updates), frames (of a round), nodes,
-- rounds, moves_pps, ack_sizes}. flows[1].sizes tells data from acknowledgements, which arrive at
-- the same port. The result's rounds are all that were sent, those while priming among them.
--
-- Effective blocked time = packets lost / offered rate: how long nothing would have passed, had all
-- loss come in one piece. Of one move: the same with the offered rate of one node, over all moves.

local common = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

local function blocked_s(trial)
	return trial.offered > 0 and trial.lost / trial.offered or nil
end

-- Sends Binding Updates in portions, so that they keep to their rate whatever the data's is. tick()
-- is for common.send(); done() is how long it took from the first portion until the last was sent,
-- nil before.
local function mover(c)
	local port = tostring(c.from)
	local total, given = c.frames * c.rounds, 0
	local start, stop
	return {
		tick = function()
			local now = common.now()
			start = start or now
			if stop or pktgen.isSending(port)[c.from] == "y" then
				return
			end
			if given == total then
				stop = now
				return
			end
			local due = math.min(total, math.floor((now - start) * c.moves_pps)) - given
			if due > 0 then
				pktgen.set(port, "count", due)
				pktgen.start(port)
				given = given + due
			end
		end,
		done = function() return stop and stop - start end,
		given = function() return given end,
	}
end

common.main(function(params)
	local c = params.churn
	common.wait_links(params)
	common.prime(params)
	local rest = common.trial(params, c.pps, c.seconds)

	common.set_rate(params, c.pps)
	local total = c.frames * c.rounds
	local mv = mover(c)
	local before = common.settled(params)
	local took = common.send(params, total / c.moves_pps + 1, mv.tick)
	local after = common.settled(params)
	if not mv.done() then
		common.fail("port %d could send only %d of %d Binding Updates in %g s: ask for fewer moves"
			.. " a second, or more data", c.from, mv.given(), total, took)
	end

	local moving = common.outcome(params, before, after, took)
	local moves, blocked = c.nodes * c.rounds, blocked_s(moving)
	return { rest = rest, moving = moving, moves = moves, moves_per_s = moves / mv.done(),
		acknowledged = common.of_sizes(after[c.from], c.ack_sizes)
			- common.of_sizes(before[c.from], c.ack_sizes),
		blocked_s = blocked, blocked_per_move_s = blocked and blocked * c.nodes / moves,
		blocked_at_rest_s = blocked_s(rest), rounds = after[c.from].tx // c.frames }
end)
