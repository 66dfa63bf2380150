-- SPDX-License-Identifier: BSD-3-Clause
-- The highest rates that are carried without loss (NDR) and with a little of it (PDR), and what is
-- delivered of the most that is offered (MRR). RFC 2544, 26.1, by bisection.
--
-- search = {max_pps (of each port; nil: line rate), precision (of max_pps), seconds (of a trial),
-- limits = {name = loss, ...}}
--
-- A limit's figure is the trial with the highest rate that kept to it, as it was measured: what was
-- offered, by all ports together. found = false: even the lowest rate lost more.

local common = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

-- Trials that were made already narrow the range: they serve all limits.
local function bounds(trials, limit, high)
	local low, best = 0
	for _, t in ipairs(trials) do
		if t.loss > limit then
			high = math.min(high, t.pps)
		end
	end
	for _, t in ipairs(trials) do
		if t.pps >= low and t.pps < high then
			low, best = t.pps, t
		end
	end
	return low, high, best
end

local function search(trials, limit, max, precision, measure)
	local low, high, best = bounds(trials, limit, max * 2)
	if best and best.pps >= max then
		return best, best.short and "generator" or "offered rate"
	end
	while high - low > precision * max do
		measure((low + high) / 2)
		low, high, best = bounds(trials, limit, high)
	end
	return best, "loss"
end

common.main(function(params)
	local s = params.search
	local trials = {}
	common.wait_links(params)
	local max = math.huge
	for _, flow in ipairs(params.flows) do
		for _, port in ipairs(params.ports) do
			max = port.port == flow.from and math.min(max, common.line_rate(port)) or max
		end
	end
	max = math.min(max, s.max_pps or max)

	local function measure(pps)
		local t = common.trial(params, pps, s.seconds)
		t.pps = pps
		trials[#trials + 1] = t
		print(string.format("asked %.0f offered %.0f delivered %.0f lost %d", t.asked, t.offered,
			t.delivered, t.lost))
		return t
	end

	common.prime(params)
	local result = { mrr = measure(max), max_pps = max, trials = trials, limits = {} }
	local names = {}
	for name in pairs(s.limits) do
		names[#names + 1] = name
	end
	table.sort(names, function(a, b) return s.limits[a] < s.limits[b] end)
	for _, name in ipairs(names) do
		local best, by = search(trials, s.limits[name], max, s.precision, measure)
		result.limits[name] = { found = best ~= nil, limited_by = by, loss = s.limits[name],
			trial = best or false }
	end
	return result
end)
