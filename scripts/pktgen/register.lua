-- SPDX-License-Identifier: BSD-3-Clause
-- Registers mobile nodes: sends rounds of Binding Updates, one of each node a round, until a round
-- is acknowledged by all.
--
-- register = {from (port), frames (of a round, asides among them), nodes, pps, sizes (of
-- acknowledgements), rounds_min, rounds_max}. The capture holds four rounds whose sequence numbers
-- lie a quarter of their space apart, so it may turn forever: each round is newer than the one
-- before. What a home agent knows of runs before this one may refuse three rounds; hence
-- rounds_min = 4 where it was not started for this run.

local common = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

local function round(params, r)
	local port = tostring(r.from)
	local deadline = common.now() + 5 + 3 * r.frames / r.pps
	pktgen.set(port, "count", r.frames)
	pktgen.start(port)
	repeat
		pktgen.delay(50)
		if common.now() >= deadline then
			common.fail("port %d could not send %d Binding Updates in %g s", r.from, r.frames,
				5 + 3 * r.frames / r.pps)
		end
	until pktgen.isSending(port)[r.from] == "n"
end

common.main(function(params)
	local r = params.register
	local result = { rounds = 0, acknowledged = {} }
	common.wait_links(params)
	common.set_rate(params, r.pps)
	local before = common.settled(params)
	repeat
		round(params, r)
		local after = common.settled(params)
		local acked = common.of_sizes(after[r.from], r.sizes)
			- common.of_sizes(before[r.from], r.sizes)
		before = after
		result.rounds = result.rounds + 1
		result.acknowledged[result.rounds] = acked
		print(string.format("round %d: %d of %d acknowledged", result.rounds, acked, r.nodes))
		if acked >= r.nodes and result.rounds >= r.rounds_min then
			return result
		end
	until result.rounds >= r.rounds_max
	common.fail("of %d Binding Updates %d were acknowledged in the last of %d rounds", r.nodes,
		result.acknowledged[result.rounds], result.rounds)
end)
