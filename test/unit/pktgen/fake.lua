-- SPDX-License-Identifier: BSD-3-Clause
-- A Pktgen console without Pktgen: the functions that scripts/pktgen uses, two ports, a device
-- between them that can do so much, and a clock of its own. What is odd about it is what
-- Pktgen 23.06.1 is like: one core sends for all ports at the first one's pace, a new rate waits for
-- the old one's next burst, a port's counters are a second old, rates are a share of the link's.
--
-- device = {capacity (packets a second, each way), loss (share of all, besides), generator (what a
-- port can send at most), links ({[port] = "<UP-...>"}), chatter (packets a second that come out of
-- themselves), late_s (nothing arrives before), delay_s (on the way), forgets_s (nothing arrives when
-- the other port was silent for so long), asks_s (data is lost until the other port has answered
-- within so long after data came), updates (the port that sends Binding Updates), answers (to
-- this share of them), refuse (rounds that get none) of round (frames), blocked (data lost for each
-- move), stamps (latencies in ns that stamped packets show), asides ({[port] = ...}), frames
-- ({[port] = {true: this one is an aside, ...}}, instead of asides)}

local F = {}

local START, STEP_S = 1000.0, 0.005
local ACK, DATA = "_65_127", "_128_255"
local SIZES = { "runt", "_64", "_65_127", "_128_255", "_256_511", "_512_1023", "_1024_1518",
	"jumbo", "broadcast", "multicast" }

local real_open, real_exit = io.open, os.exit

local function new_port(n)
	local port = { n = n, count = 0, burst = 64, rate = 100, tx = 0, rx = 0, due = 0, left = 0,
		sends = false, sizes = {}, missed = 0, shown = { tx = 0, rx = 0, missed = 0 } }
	for _, name in ipairs(SIZES) do
		port.sizes[name] = 0
	end
	return port
end

local function ports_of(world, list)
	local found = {}
	for word in tostring(list):gmatch("[^,]+") do
		for n, port in pairs(world.ports) do
			if word == "all" or tonumber(word) == n then
				found[#found + 1] = port
			end
		end
	end
	assert(#found > 0, "invalid portlist")
	return found
end

local function arrive(port, n, size)
	port.rx = port.rx + n
	port.sizes[size] = port.sizes[size] + n
end

local function on_its_way(world, port, n, size)
	table.insert(world.way, { at = world.now + (world.device.delay_s or 0), port = port, n = n,
		size = size })
end

local function deliver(world)
	while world.way[1] and world.way[1].at <= world.now do
		local w = table.remove(world.way, 1)
		arrive(w.port, w.n, w.size)
	end
end

-- Frames of a port's capture that have been sent, told apart: asides and others.
local function others(world, port, n)
	local every = (world.device.asides or {})[port.n] or 0
	local frames = (world.device.frames or {})[port.n]
	local count = 0
	for at = port.tx, port.tx + n - 1 do
		local aside = every > 0 and at % every == 0
		if frames then
			aside = frames[at % #frames + 1]
		end
		count = count + (aside and 0 or 1)
	end
	return count
end

-- Neighbour discovery: an answer counts for a while after the question, data make one ask.
local function resolve(world, port, n, data)
	local asked, to = world.asked[port.n], 1 - port.n
	if n > data and asked and world.now > asked and world.now - asked <= world.device.asks_s then
		world.known[port.n] = true
	end
	asked = world.asked[to]
	if data > 0 and not (asked and world.now - asked <= world.device.asks_s) then
		world.asked[to] = world.now
	end
end

local function carry(world, port, n)
	local d = world.device
	local data = others(world, port, n)
	local to = world.ports[1 - port.n]
	port.tx = port.tx + n
	if d.asks_s then
		resolve(world, port, n, data)
	end
	local heard = world.now - (world.heard[1 - port.n] or START)
	world.heard[port.n] = n > 0 and world.now or world.heard[port.n]
	if d.updates == port.n then
		local answered = port.tx > (d.refuse or 0) * (d.round or 0) and data or 0
		world.answered = (world.answered or 0) + answered * (d.answers or 1)
		arrive(port, math.floor(world.answered), ACK)
		world.answered = world.answered % 1
		world.owed = (world.owed or 0) + data * (d.blocked or 0)
		return
	end
	if world.now < (d.late_s or 0) or heard > (d.forgets_s or math.huge)
		or d.asks_s and not world.known[to.n] then
		return
	end
	local can = math.floor((d.capacity or math.huge) * STEP_S + (world.spare[port.n] or 0))
	local out = math.min(data, can)
	world.spare[port.n] = (d.capacity or 0) * STEP_S + (world.spare[port.n] or 0) - can
	world.lossy = (world.lossy or 0) + out * (d.loss or 0)
	local gone = math.floor(world.lossy)
	world.lossy = world.lossy - gone
	local owed = math.min(out - gone, math.floor(world.owed or 0))
	world.owed = (world.owed or 0) - owed
	on_its_way(world, to, out - gone - owed, DATA)
end

local function step(world)
	local d = world.device
	local first = world.ports[0]
	local pps = first.rate / 100 * world.mbits * 1e6 / 8 / (first.octets + 24)
	for n = 0, 1 do
		local port = world.ports[n]
		if port.sends and world.now >= world.beat then
			local due = math.min(pps / first.burst * port.burst, d.generator or math.huge) * STEP_S
				+ port.due
			local now = math.floor(due)
			port.due = due - now
			if port.left > 0 then
				now = math.min(now, port.left)
				port.left = port.left - now
				port.sends = port.left > 0
			end
			carry(world, port, now)
		end
		if d.chatter and (world.now * d.chatter) % 1 < STEP_S * d.chatter then
			arrive(port, 1, ACK)
		end
	end
	deliver(world)
	local second = math.floor(world.now)
	world.now = world.now + STEP_S
	if math.floor(world.now) > second then
		for _, port in pairs(world.ports) do
			port.shown = { tx = port.tx, rx = port.rx, missed = port.missed }
		end
	end
end

local function each(world, list, value)
	local t = { n = 0 }
	for _, port in ipairs(ports_of(world, list)) do
		t[port.n] = value(port)
		t.n = t.n + 1
	end
	return t
end

local function console(world)
	local p = {}
	function p.quit() world.quit = true end
	function p.delay(ms)
		assert(math.type(ms) == "integer", "number has no integer representation")
		for _ = 1, math.max(1, ms / 1000 / STEP_S) do
			step(world)
		end
	end
	function p.set(list, what, value)
		for _, port in ipairs(ports_of(world, list)) do
			if what == "count" then
				port.count = value
			elseif what == "burst" then
				port.burst = value
			elseif what == "rate" then
				port.rate = tonumber(value)
			else
				assert(what == "cycles" and value == 0, "set does not support " .. what)
				world.beat = port.n == 0 and world.now or world.beat
			end
		end
	end
	function p.start(list)
		for _, port in ipairs(ports_of(world, list)) do
			if not port.sends then
				port.sends, port.left = true, port.count
			end
		end
	end
	function p.stop(list)
		for _, port in ipairs(ports_of(world, list)) do
			port.sends = false
		end
	end
	function p.isSending(list)
		return each(world, list, function(port) return port.sends and "y" or "n" end)
	end
	function p.linkState(list)
		return each(world, list, function(port)
			return (world.device.links or {})[port.n] or "<UP-" .. world.mbits .. "-FD>"
		end)
	end
	function p.portStats(list, kind)
		assert(kind == "port")
		return each(world, list, function(port)
			return { ipackets = port.shown.rx, opackets = port.shown.tx, ierrors = 0,
				imissed = port.shown.missed, rx_nombuf = 0 }
		end)
	end
	function p.portSizes(list)
		return each(world, list, function(port)
			local copy = {}
			for k, v in pairs(port.sizes) do
				copy[k] = v
			end
			return copy
		end)
	end
	function p.latency(list, what, value)
		assert(#ports_of(world, list) > 0)
		if what ~= "rate" then
			world.stamping = what == "on"
		else
			assert(math.type(value) == "integer")
		end
	end
	function p.latsampler_params(list, kind, samples, rate, file)
		assert(kind == "simple" and samples <= 50108 and math.type(rate) == "integer")
		world.sampler = { file = file, samples = samples, port = ports_of(world, list)[1].n }
	end
	function p.latsampler(_, what)
		if what == "off" then
			local file = real_open(world.sampler.file, "w")
			file:write("Latency\n")
			for _, ns in ipairs(world.stamping and world.device.stamps or {}) do
				file:write(ns, "\n")
			end
			file:close()
		end
	end
	function p.pktStats(list)
		return each(world, list, function()
			return { latency = { num_pkts = #(world.device.stamps or {}), num_skipped = 0 } }
		end)
	end
	return p
end

local function uptime(world)
	return {
		read = function() return math.floor(world.now * 100) / 100 end,
		close = function() end,
	}
end

-- Runs a script against a device; octets = {[port] = of its frames}. Returns the exit status, what
-- was said on standard error, and the world as it was left.
function F.run(script, device, octets, environment)
	local world = { device = device, mbits = device.mbits or 10000, now = START, beat = math.huge,
		spare = {}, heard = {}, way = {}, asked = {}, known = {},
		ports = { [0] = new_port(0), [1] = new_port(1) } }
	for n, port in pairs(world.ports) do
		port.octets = octets[n]
	end
	if device.late_s then
		device.late_s = device.late_s + world.now
	end
	local said, getenv, stderr, say = {}, os.getenv, io.stderr, print
	_G.pktgen = console(world)
	io.open = function(path, mode)
		if path == "/proc/uptime" then
			return uptime(world)
		end
		return real_open(path, mode)
	end
	io.stderr = { write = function(_, ...) said[#said + 1] = table.concat({ ... }) end }
	os.getenv = function(name) return environment[name] end
	os.exit = function(status) error({ exit = status }, 0) end
	_G.print = function() end
	local ok, why = pcall(dofile, script)
	io.open, os.exit, os.getenv, io.stderr, _G.print = real_open, real_exit, getenv, stderr, say
	_G.pktgen = nil
	if not ok and not (type(why) == "table" and why.exit) then
		error(why, 0)
	end
	assert(ok == (world.quit == true), "a script has to end Pktgen")
	return ok and 0 or why.exit, table.concat(said), world
end

return F
