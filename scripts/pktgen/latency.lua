-- SPDX-License-Identifier: BSD-3-Clause
-- How long packets take at a given rate, as far as Pktgen can tell.
--
-- latency = {pps, seconds, every_us (a stamped packet each so often), samples (at most), file}
--
-- Pktgen 23.06.1 stamps packets of its own beside those of the capture: IPv4 and UDP, and looks for
-- the stamp at the same octet of what comes back. A home agent neither forwards IPv4 nor leaves an
-- octet where it was, so behind one there are no samples; on a path that returns them (a cable, a
-- switch, two ports of the generator) there are. samples = 0 says so.

local common = dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "common.lua")

local SHARES = { p50 = 0.5, p90 = 0.9, p99 = 0.99, p999 = 0.999 }

-- Nanoseconds, one a line behind a headline; the smallest first.
local function samples(path)
	local list = {}
	local file = io.open(path, "r")
	if file then
		for line in file:lines() do
			list[#list + 1] = tonumber(line)
		end
		file:close()
	end
	table.sort(list)
	return list
end

-- The nearest rank: the smallest sample that is not less than this share of them.
local function percentile(sorted, share)
	return sorted[math.max(1, math.ceil(share * #sorted))] / 1000
end

common.main(function(params)
	local l = params.latency
	local to = tostring(params.flows[1].to)
	local all = {}
	for _, port in ipairs(params.ports) do
		all[#all + 1] = tostring(port.port)
	end
	local ports = table.concat(all, ",")

	common.wait_links(params)
	common.prime(params)
	pktgen.latency(ports, "rate", l.every_us)
	pktgen.latsampler_params(to, "simple", l.samples, math.ceil(1000000 / l.every_us), l.file)
	pktgen.latency(ports, "on")
	pktgen.latsampler(to, "on")
	local trial = common.trial(params, l.pps, l.seconds)
	pktgen.latsampler(to, "off")
	local seen = pktgen.pktStats(to)[params.flows[1].to].latency
	pktgen.latency(ports, "off")

	local list = samples(l.file)
	local result = { trial = trial, stamped = seen.num_pkts, skipped = seen.num_skipped,
		samples = #list }
	if #list > 0 then
		result.us = { min = list[1] / 1000, max = list[#list] / 1000 }
		for name, share in pairs(SHARES) do
			result.us[name] = percentile(list, share)
		end
	end
	return result
end)
