-- SPDX-License-Identifier: BSD-3-Clause
-- What the scripts for Pktgen share: parameters, a clock, ports, counters, the result.
--
-- scripts/bench/run --pktgen writes a file of parameters, names it in HAMD_PKTGEN_PARAMS and starts
-- Pktgen with one of the scripts (-f). A script ends Pktgen: with status 0 behind a result, with 1
-- behind {"error": ...}, or behind a line on standard error when not even the parameters could be
-- read. Ports send captures, which turn forever; frame 0 of a turn and each asides-th frame after it
-- are asides: neighbour advertisements, which the home agent takes and nobody gets back.
--
-- Rates are packets a second, of one port; times are seconds; octets are of frames without checksum.

local M = {}

local WIRE_OCTETS = 24 -- checksum, preamble and gap, as Pktgen counts them
local BURST_MAX = 64
local BURSTS_PER_S = 2000 -- at low rates, small bursts rather than rare ones
local STATS_MS = 1200 -- Pktgen takes its ports' counters once a second
local STATS_READS = 10
local LINK_MS = 100
local PRIME_S, PRIME_KEEP_S = 2, 0.25
local MISSED = { "imissed", "ierrors", "rx_nombuf" }

-- A fault of the set-up: said without a place in the code.
function M.fail(...)
	error({ reason = string.format(...) }, 0)
end

local function readable(path)
	local file, why = io.open(path, "r")
	if not file then
		M.fail("cannot read %s", why)
	end
	file:close()
	return path
end

local function load_params()
	local path = os.getenv("HAMD_PKTGEN_PARAMS")
	if not path then
		M.fail("HAMD_PKTGEN_PARAMS names no file of parameters")
	end
	local chunk, why = loadfile(readable(path), "t", {}) -- an empty world: it can only be data
	if not chunk then
		M.fail("%s", why)
	end
	local ok, params = pcall(chunk)
	if not ok or type(params) ~= "table" then
		M.fail("%s returns no table of parameters", path)
	end
	for _, name in ipairs({ "result", "ports", "flows" }) do
		if params[name] == nil then
			M.fail("%s: no %s", path, name)
		end
	end
	return params
end

local function is_list(value)
	return #value > 0 or next(value) == nil
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function escaped(c)
	return ESCAPES[c] or string.format("\\u%04x", c:byte())
end

function M.json(value)
	local kind = type(value)
	if kind == "number" then
		if value ~= value or value == math.huge or value == -math.huge then
			return "null"
		end
		return math.type(value) == "integer" and tostring(value) or string.format("%.9g", value)
	elseif kind == "string" then
		return '"' .. value:gsub('[%c"\\]', escaped) .. '"'
	elseif kind ~= "table" then
		return tostring(value)
	end
	local parts = {}
	if is_list(value) then
		for _, v in ipairs(value) do
			parts[#parts + 1] = M.json(v)
		end
		return "[" .. table.concat(parts, ",") .. "]"
	end
	for k, v in pairs(value) do
		parts[#parts + 1] = M.json(tostring(k)) .. ":" .. M.json(v)
	end
	table.sort(parts)
	return "{" .. table.concat(parts, ",") .. "}"
end

-- Whole or not at all: whoever waits for the file never sees half of it.
local function write_result(path, result)
	local file, why = io.open(path .. ".new", "w")
	if not file then
		M.fail("cannot write %s", why)
	end
	file:write(M.json(result), "\n")
	file:close()
	os.rename(path .. ".new", path)
end

-- Runs work(params), which returns the result.
function M.main(work)
	local ok, params = pcall(load_params)
	if ok then
		local result
		ok, result = xpcall(work, function(e)
			return type(e) == "table" and e or { reason = debug.traceback(tostring(e)) }
		end, params)
		pktgen.stop("all")
		if not ok then
			result = { error = result.reason }
		end
		write_result(params.result, result)
		if ok then
			pktgen.quit()
			return
		end
		params = { reason = result.error }
	end
	io.stderr:write("scripts/pktgen: ", params.reason, "\n")
	os.exit(1)
end

-- The system's uptime: the one clock with parts of a second (10 ms) that plain Lua reaches.
function M.now()
	local file = io.open("/proc/uptime", "r")
	local seconds = file:read("n")
	file:close()
	return seconds
end

local function id(port)
	return tostring(port.port)
end

-- Waits until every port has a link; sets port.mbits.
function M.wait_links(params)
	local deadline = M.now() + params.link_s
	for _, port in ipairs(params.ports) do
		while true do
			local state = pktgen.linkState(id(port))[port.port]
			port.mbits = tonumber(state:match("^<UP%-(%d+)%-"))
			if port.mbits then
				break
			end
			if M.now() >= deadline then
				M.fail("port %d has no link after %g s", port.port, params.link_s)
			end
			pktgen.delay(LINK_MS)
		end
	end
end

-- The most a port can send.
function M.line_rate(port)
	return port.mbits * 1e6 / 8 / (port.octets + WIRE_OCTETS)
end

-- Sets what each of the ports sends a second. One core sends for all ports, in turn, at the pace of
-- the first: so all have the same burst.
function M.set_rate(params, pps)
	local burst = math.max(1, math.min(BURST_MAX, math.floor(pps / BURSTS_PER_S)))
	for _, port in ipairs(params.ports) do
		local percent = math.min(100, 100 * pps / M.line_rate(port))
		pktgen.set(id(port), "count", 0)
		pktgen.set(id(port), "burst", burst)
		pktgen.set(id(port), "rate", string.format("%.6f", percent))
		-- Begins its beat anew: else the next burst still waits for the old rate's.
		pktgen.set(id(port), "cycles", 0)
	end
	pktgen.delay(20)
	return burst
end

-- {[port] = {tx, rx, missed, sizes}} as they are at the moment; tx and rx may be a second old.
local function read(params)
	local all = {}
	for _, port in ipairs(params.ports) do
		local stats = pktgen.portStats(id(port), "port")[port.port]
		local missed = 0
		for _, name in ipairs(MISSED) do
			missed = missed + stats[name]
		end
		all[port.port] = { tx = stats.opackets, rx = stats.ipackets, missed = missed,
			sizes = pktgen.portSizes(id(port))[port.port] }
	end
	return all
end

-- Counters when nothing moves any more. What hamd sends of its own accord may move them a little,
-- so patience ends.
function M.settled(params)
	local before = read(params)
	for _ = 1, STATS_READS do
		pktgen.delay(STATS_MS)
		local after, same = read(params), true
		for port, c in pairs(after) do
			same = same and c.tx == before[port].tx and c.rx == before[port].rx
		end
		if same then
			return after
		end
		before = after
	end
	return before
end

-- Asides among the frames from the first-th to the one before the last-th.
local function asides(port, first, last)
	local every = port.asides or 0
	if every == 0 then
		return 0
	end
	return (last + every - 1) // every - (first + every - 1) // every
end

local function of_sizes(counters, names)
	local sum = 0
	for _, name in ipairs(names) do
		sum = sum + counters.sizes[name]
	end
	return sum
end
M.of_sizes = of_sizes

-- What one flow {from, to, sizes} has sent and got between two counters; sizes: of what arrives,
-- nil: all that does.
local function account(params, flow, before, after)
	local from
	for _, port in ipairs(params.ports) do
		from = port.port == flow.from and port or from
	end
	local first, last = before[flow.from].tx, after[flow.from].tx
	local sent = last - first - asides(from, first, last)
	local got = flow.sizes
		and of_sizes(after[flow.to], flow.sizes) - of_sizes(before[flow.to], flow.sizes)
		or after[flow.to].rx - before[flow.to].rx
	return sent, got
end

-- What all flows together did, between two counters, in so many seconds.
function M.outcome(params, before, after, seconds)
	local t = { seconds = seconds, sent = 0, received = 0, lost = 0, missed = 0 }
	for _, flow in ipairs(params.flows) do
		local sent, got = account(params, flow, before, after)
		t.sent = t.sent + sent
		t.received = t.received + math.min(got, sent)
		t.lost = t.lost + math.max(0, sent - got) -- flows do not make up for each other
	end
	for port, c in pairs(after) do
		t.missed = t.missed + c.missed - before[port].missed
	end
	t.loss = t.sent > 0 and t.lost / t.sent or 1.0
	t.offered = t.sent / seconds
	t.delivered = t.received / seconds
	return t
end

-- Has the port that sends no data say what keeps hamd's next hop behind it reachable:
-- keeper = {port, frames, every_s}; without every_s only when priming.
local function keep(params)
	local k = params.keeper
	if k and pktgen.isSending(tostring(k.port))[k.port] == "n" then
		pktgen.set(tostring(k.port), "count", k.frames)
		pktgen.start(tostring(k.port))
	end
end

local function senders(params)
	local list = {}
	for _, flow in ipairs(params.flows) do
		list[#list + 1] = tostring(flow.from)
	end
	return table.concat(list, ",")
end

-- Sends for so many seconds; calls tick() every 10 ms. The keeper speaks keep_s after the start (nil:
-- at the start, if it is due at all) and as often as it is due. Returns how long it took.
function M.send(params, seconds, tick, keep_s)
	local every_s = params.keeper and params.keeper.every_s
	local slice = tick and 0.01 or keep_s or 1
	local start = M.now()
	local keep_at = start + (keep_s or every_s and 0 or math.huge)
	pktgen.start(senders(params))
	while true do
		local now = M.now()
		local left = start + seconds - now
		if left <= 0 then
			break
		end
		if now >= keep_at then
			keep(params)
			keep_at = now + (every_s or math.huge)
		end
		if tick then
			tick()
		end
		pktgen.delay(math.max(1, math.floor(math.min(left, slice) * 1000)))
	end
	pktgen.stop(senders(params))
	return M.now() - start
end

-- One trial: every flow sends pps.
function M.trial(params, pps, seconds)
	M.set_rate(params, pps)
	local before = M.settled(params)
	local took = M.send(params, seconds)
	local t = M.outcome(params, before, M.settled(params), took)
	t.asked = pps * #params.flows
	t.short = t.offered < 0.97 * t.asked -- the generator could not
	return t
end

-- Until every flow arrives. hamd resolves its next hops meanwhile: it takes an advertisement only
-- after it has asked, which data make it do, and asks for three seconds (RFC 4861, 7.2.2).
function M.prime(params)
	local deadline = M.now() + params.prime_s
	local silent
	repeat
		M.set_rate(params, params.prime_pps)
		local before = M.settled(params)
		M.send(params, PRIME_S, nil, PRIME_KEEP_S)
		local after = M.settled(params)
		silent = nil
		for _, flow in ipairs(params.flows) do
			local sent, got = account(params, flow, before, after)
			if sent == 0 then
				M.fail("port %d sends nothing", flow.from)
			elseif got < sent / 2 then
				silent = flow
			end
		end
		if not silent then
			return
		end
	until M.now() >= deadline
	M.fail("of what port %d sends not half arrives at port %d after %g s: cables, Ethernet"
		.. " addresses, next hops, bindings?", silent.from, silent.to, params.prime_s)
end

return M
