-- SPDX-License-Identifier: BSD-3-Clause
-- scripts/pktgen against devices that are known: what is found is what was put in.
--
--     lua5.4 scripts_test.lua [NAME]

local here = arg[0]:match("^(.*/)") or "./"
local scripts = here .. "../../../scripts/pktgen/"
local fake = dofile(here .. "fake.lua")

local OCTETS = { [0] = 124, [1] = 164 }
local tests, temporary = {}, {}

local function scratch(text)
	local path = os.tmpname()
	temporary[#temporary + 1] = path
	if text then
		local file = assert(io.open(path, "w"))
		file:write(text)
		file:close()
	end
	return path
end

local function literal(value)
	if type(value) == "string" then
		return string.format("%q", value)
	elseif type(value) ~= "table" then
		return tostring(value)
	end
	local parts = {}
	for k, v in pairs(value) do
		parts[#parts + 1] = "[" .. literal(k) .. "]=" .. literal(v)
	end
	return "{" .. table.concat(parts, ",") .. "}"
end

-- What common.json writes, read by one who knows JSON only (RFC 8259); null is nil.
local function decode(text)
	local at = 1
	local function take(pattern)
		local all, inner = text:match("^%s*(" .. pattern .. ")", at)
		if all then
			at = text:find(all, at, true) + #all
		end
		return all, inner
	end
	local value
	local function list(close, add)
		local t = {}
		if not take(close) then
			repeat
				add(t)
			until not take(",")
			assert(take(close), "no end of a list")
		end
		return t
	end
	function value()
		if take("{") then
			return list("}", function(t)
				local key = assert(take('"[^"]*"'), "no name")
				assert(take(":"), "no colon")
				t[key:sub(2, -2)] = value()
			end)
		elseif take("%[") then
			return list("%]", function(t) t[#t + 1] = value() end)
		end
		local number = take("-?%d+[%d.e+-]*")
		if number then
			return tonumber(number)
		end
		local word = take("%l+")
		if word then
			assert(word == "true" or word == "false" or word == "null", word)
			return word == "true" or (word == "null" and nil)
		end
		local string = assert(take('"[^"\\]*'), "no value"):sub(2)
		while not take('"') do
			local escaped = text:sub(at + 1, at + 1)
			at = at + 2
			string = string .. (escaped == "n" and "\n" or escaped == "t" and "\t" or escaped)
				.. (text:match('^[^"\\]*', at))
			at = at + #text:match('^[^"\\]*', at)
		end
		return string
	end
	local result = value()
	assert(text:find("^%s*$", at), "more behind the end")
	return result
end

local function params(changes)
	local p = {
		result = scratch(), link_s = 5, prime_s = 20, prime_pps = 1000,
		ports = { { port = 0, octets = OCTETS[0] }, { port = 1, octets = OCTETS[1] } },
		flows = { { from = 0, to = 1 } },
		keeper = { port = 1, frames = 1, every_s = 5 },
	}
	for k, v in pairs(changes) do
		p[k] = v
	end
	return p
end

-- What the script wrote, its exit status, what it said, the world.
local function run(script, device, changes)
	local p = params(changes)
	for _, port in ipairs(p.ports) do
		device.asides = device.asides or {}
		device.asides[port.port] = port.asides or (device.updates ~= port.port
			and p.keeper and p.keeper.port == port.port and 1) or 0
	end
	local status, said, world = fake.run(scripts .. script, device, OCTETS,
		{ HAMD_PKTGEN_PARAMS = scratch("return " .. literal(p) .. "\n") })
	local file = io.open(p.result)
	local text = file:read("a")
	file:close()
	return text ~= "" and decode(text) or nil, status, said, world
end

local function check(what, ok)
	if not ok then
		error(what, 2)
	end
end

local function near(what, value, expected, part)
	if not value or math.abs(value - expected) > math.abs(expected) * part then
		error(string.format("%s is %s, not %g", what, value, expected), 2)
	end
end

local function search(changes)
	local s = { max_pps = 1000000, precision = 0.01, seconds = 2, limits = { ndr = 0, pdr = 0.005 } }
	for k, v in pairs(changes or {}) do
		s[k] = v
	end
	return s
end

function tests.finds_the_rate_without_loss()
	local r, status = run("rfc2544.lua", { capacity = 370000 }, { search = search() })
	check(r and r.error or "status", status == 0)
	near("ndr", r.limits.ndr.trial.offered, 370000, 0.03)
	check("ndr above capacity", r.limits.ndr.trial.asked <= 370000)
	check("lost at ndr", r.limits.ndr.trial.lost == 0)
	near("pdr", r.limits.pdr.trial.offered, 370000 / 0.995, 0.03)
	check("pdr below ndr", r.limits.pdr.trial.asked >= r.limits.ndr.trial.asked)
	check("pdr loss", r.limits.pdr.trial.loss <= 0.005)
	near("mrr", r.mrr.delivered, 370000, 0.02)
	check("limited by", r.limits.ndr.limited_by == "loss")
	check("trials", #r.trials <= 16)
end

function tests.narrows_to_the_precision()
	local coarse = run("rfc2544.lua", { capacity = 370000 }, { search = search({ precision = 0.2 }) })
	local fine = run("rfc2544.lua", { capacity = 370000 }, { search = search({ precision = 0.002 }) })
	check("trials", #coarse.trials < #fine.trials)
	near("ndr", fine.limits.ndr.trial.asked, 370000, 0.006)
end

function tests.both_directions_are_added_up()
	local r = run("rfc2544.lua", { capacity = 200000 }, { search = search({ max_pps = 400000 }),
		flows = { { from = 0, to = 1 }, { from = 1, to = 0 } }, keeper = false,
		ports = { { port = 0, octets = OCTETS[0], asides = 1024 },
			{ port = 1, octets = OCTETS[1], asides = 256 } } })
	near("mrr", r.mrr.delivered, 400000, 0.02)
	near("ndr", r.limits.ndr.trial.offered, 400000, 0.04)
	check("both", r.limits.ndr.trial.asked > 370000)
end

function tests.asides_are_not_loss()
	local r = run("rfc2544.lua", {}, { search = search({ max_pps = 100000 }),
		ports = { { port = 0, octets = OCTETS[0], asides = 7 }, { port = 1, octets = OCTETS[1] } } })
	check("lost", r.limits.ndr.trial.lost == 0)
	near("sent", r.mrr.sent, 200000 * 6 / 7, 0.02)
end

function tests.asides_by_their_place()
	local frames = {}
	for n = 1, 50 do
		frames[n] = n == 1
	end
	local r = run("rfc2544.lua", { frames = { [0] = frames } }, { search = search({ max_pps = 9000 }),
		ports = { { port = 0, octets = OCTETS[0], asides = 50 }, { port = 1, octets = OCTETS[1] } } })
	check("lost", r.mrr.lost == 0 and r.mrr.received == r.mrr.sent)
end

function tests.a_device_that_never_loses()
	local r = run("rfc2544.lua", {}, { search = search() })
	check("found", r.limits.ndr.found and r.limits.pdr.found)
	near("ndr", r.limits.ndr.trial.asked, 1000000, 0)
	check("limited by", r.limits.ndr.limited_by == "offered rate")
	check("one trial is enough", #r.trials == 1)
end

function tests.a_generator_that_cannot_more()
	local r = run("rfc2544.lua", { generator = 300000 }, { search = search() })
	near("ndr", r.limits.ndr.trial.offered, 300000, 0.02)
	check("limited by", r.limits.ndr.limited_by == "generator")
end

function tests.line_rate_is_the_end()
	local r = run("rfc2544.lua", { mbits = 100 }, { search = search({ max_pps = false }) })
	near("asked", r.mrr.asked, 100e6 / 8 / (OCTETS[0] + 24), 0.001)
end

function tests.loss_at_every_rate()
	local r, status = run("rfc2544.lua", { loss = 0.002 }, { search = search() })
	check(r and r.error or "status", status == 0)
	check("ndr", r.limits.ndr.found == false and r.limits.ndr.trial == false)
	check("pdr", r.limits.pdr.found and r.limits.pdr.trial.asked == 1000000)
	check("trials", #r.trials <= 9)
end

function tests.a_device_that_loses_everything()
	local r, status, said = run("rfc2544.lua", { capacity = 0 }, { search = search() })
	check("status", status == 1)
	check(r.error, r.error:find("not half arrives at port 1", 1, true))
	check(said, said:find("not half arrives", 1, true))
end

function tests.a_device_that_begins_late()
	local r = run("rfc2544.lua", { late_s = 9 }, { search = search({ max_pps = 10000 }) })
	check("ndr", r.limits.ndr.trial.lost == 0)
end

function tests.chatter_is_no_gain()
	local r = run("rfc2544.lua", { chatter = 50, capacity = 100000 }, { search = search() })
	check("received", r.mrr.received <= r.mrr.sent and r.mrr.loss <= 1)
	near("ndr", r.limits.ndr.trial.offered, 100000, 0.1)
	r = run("rfc2544.lua", { chatter = 50 }, { search = search() })
	check("received", r.mrr.received == r.mrr.sent)
end

function tests.what_is_under_way_is_not_lost()
	local r = run("rfc2544.lua", { delay_s = 2 }, { search = search(), prime_pps = 2000 })
	check("lost", r.mrr.lost == 0)
end

function tests.next_hops_are_resolved()
	local r = run("rfc2544.lua", { asks_s = 3 }, { search = search({ max_pps = 10000 }) })
	check("lost", r.mrr and r.mrr.lost == 0)
	r = run("rfc2544.lua", { asks_s = 3 }, { search = search({ max_pps = 10000 }), keeper = false,
		flows = { { from = 0, to = 1 }, { from = 1, to = 0 } },
		ports = { { port = 0, octets = OCTETS[0], asides = 1024 },
			{ port = 1, octets = OCTETS[1], asides = 1024 } } })
	check("lost both ways", r.mrr and r.mrr.lost == 0)
end

function tests.the_way_back_is_kept_open()
	local r = run("rfc2544.lua", { forgets_s = 8 }, { search = search({ seconds = 30 }) })
	check("lost", r.limits.ndr.trial.lost == 0)
end

function tests.a_port_without_link()
	local r, status = run("rfc2544.lua", { links = { [1] = "<--Down-->" } }, { search = search() })
	check("status", status == 1)
	check(r.error, r.error == "port 1 has no link after 5 s")
end

function tests.a_port_that_sends_nothing()
	local r, status = run("rfc2544.lua", { generator = 0 }, { search = search() })
	check("status", status == 1)
	check(r.error, r.error == "port 0 sends nothing")
end

function tests.a_fault_of_a_script_ends_it()
	local r, status = run("rfc2544.lua", {}, { search = {} })
	check("status", status == 1)
	check(r.error, r.error:find("rfc2544.lua:%d+:"))
end

function tests.unreadable_parameters()
	for _, case in ipairs({
		{ nil, "HAMD_PKTGEN_PARAMS names no file" },
		{ "/nonexistent/params.lua", "cannot read /nonexistent/params.lua: No such file" },
		{ scratch("return {"), "unexpected symbol" },
		{ scratch("return 1"), "returns no table of parameters" },
		{ scratch("return { result = tostring(1), ports = {}, flows = {} }"), "returns no table of parameters" },
		{ scratch("return { result = 'x', ports = {} }"), "no flows" },
	}) do
		local status, said = fake.run(scripts .. "rfc2544.lua", {}, OCTETS,
			{ HAMD_PKTGEN_PARAMS = case[1] })
		check(case[2], status == 1)
		check(said, said:find(case[2], 1, true))
	end
end

local function registration(changes)
	local r = { from = 1, frames = 66, nodes = 64, pps = 1000, sizes = { "_65_127" }, rounds_min = 1,
		rounds_max = 6 }
	for k, v in pairs(changes or {}) do
		r[k] = v
	end
	return { register = r, keeper = false,
		ports = { { port = 0, octets = OCTETS[0] }, { port = 1, octets = OCTETS[1], asides = 33 } } }
end

function tests.registers_once()
	local r, status, _, world = run("register.lua", { updates = 1 }, registration())
	check(r and r.error or "status", status == 0)
	check("rounds", r.rounds == 1 and r.acknowledged[1] == 64)
	check("sent", world.ports[1].tx == 66)
end

function tests.registers_until_all_answer()
	local r, _, _, world = run("register.lua", { updates = 1, refuse = 3, round = 66 },
		registration())
	check("rounds", r.rounds == 4 and r.acknowledged[3] == 0 and r.acknowledged[4] == 64)
	check("whole rounds", world.ports[1].tx == 4 * 66)
	r = run("register.lua", { updates = 1 }, registration({ rounds_min = 4 }))
	check("at least", r.rounds == 4)
end

function tests.registers_in_vain()
	local r, status = run("register.lua", { updates = 1, refuse = 100, round = 66 }, registration())
	check("status", status == 1)
	check(r.error, r.error == "of 64 Binding Updates 0 were acknowledged in the last of 6 rounds")
	r = run("register.lua", { updates = 1, answers = 0.5 }, registration())
	check(r.error, r.error == "of 64 Binding Updates 32 were acknowledged in the last of 6 rounds")
end

local function churn(changes)
	local c = { pps = 100000, seconds = 2, from = 1, frames = 66, nodes = 64, rounds = 8,
		moves_pps = 500, ack_sizes = { "_65_127" } }
	for k, v in pairs(changes or {}) do
		c[k] = v
	end
	return { churn = c, flows = { { from = 0, to = 1, sizes = { "_128_255" } } },
		keeper = { port = 1, frames = 66 },
		ports = { { port = 0, octets = OCTETS[0] }, { port = 1, octets = OCTETS[1], asides = 33 } } }
end

function tests.moves_cost_what_they_cost()
	local r, status, _, world = run("churn.lua", { updates = 1, blocked = 3 }, churn())
	check(r and r.error or "status", status == 0)
	check("moves", r.moves == 512 and r.acknowledged == 512)
	check("at rest", r.rest.lost == 0 and r.blocked_at_rest_s == 0)
	near("lost", r.moving.lost, 3 * 512, 0.001)
	near("blocked", r.blocked_s, 3 * 512 / 100000, 0.02)
	near("of one move", r.blocked_per_move_s, 3 / (100000 / 64), 0.02)
	near("moves a second", r.moves_per_s, 500 * 64 / 66, 0.05)
	check("whole rounds", world.ports[1].tx == r.rounds * 66 and r.rounds >= 9)
end

function tests.moves_that_cost_nothing()
	local r = run("churn.lua", { updates = 1 }, churn())
	check("lost", r.moving.lost == 0 and r.blocked_s == 0 and r.blocked_per_move_s == 0)
end

function tests.acknowledgements_are_no_data()
	local r = run("churn.lua", { updates = 1, capacity = 90000 }, churn())
	near("loss at rest", r.rest.loss, 0.1, 0.05)
	near("loss moving", r.moving.loss, 0.1, 0.05)
end

function tests.too_many_moves()
	local r, status = run("churn.lua", { updates = 1 }, churn({ pps = 200, moves_pps = 5000 }))
	check("status", status == 1)
	check(r.error, r.error:find("^port 1 could send only %d+ of 528 Binding Updates"))
end

function tests.latency_of_stamped_packets()
	local latency = { pps = 10000, seconds = 2, every_us = 1000, samples = 50000, file = scratch() }
	local stamps = {}
	for n = 1, 1000 do
		stamps[n] = (1001 - n) * 1000
	end
	local r, status, _, world = run("latency.lua", { stamps = stamps }, { latency = latency })
	check(r and r.error or "status", status == 0)
	check("samples", r.samples == 1000 and r.stamped == 1000)
	check("percentiles", r.us.min == 1 and r.us.p50 == 500 and r.us.p90 == 900 and r.us.p99 == 990
		and r.us.p999 == 999 and r.us.max == 1000)
	check("stamping is off", not world.stamping)
	r = run("latency.lua", { stamps = { 3000, 1000, 2000 } }, { latency = latency })
	check("of three", r.us.p50 == 2 and r.us.p90 == 3 and r.us.min == 1)
end

function tests.latency_without_stamps()
	local r, status = run("latency.lua", {},
		{ latency = { pps = 10000, seconds = 2, every_us = 1000, samples = 50000, file = scratch() } })
	check(r and r.error or "status", status == 0)
	check("nothing is made up", r.samples == 0 and r.us == nil)
end

function tests.json_is_json()
	local common = dofile(scripts .. "common.lua")
	for _, case in ipairs({
		{ { a = { 1, 2.5 }, b = "x\"\\\n\1" }, '{"a":[1,2.5],"b":"x\\"\\\\\\n\\u0001"}' },
		{ {}, "[]" }, { 0 / 0, "null" }, { 1 / 0, "null" }, { true, "true" }, { 1e6, "1000000" },
		{ 3, "3" },
	}) do
		local got = common.json(case[1])
		check(got .. " for " .. case[2], got == case[2])
	end
end

local names, failed = {}, 0
for name in pairs(tests) do
	if not arg[1] or name:find(arg[1], 1, true) then
		names[#names + 1] = name
	end
end
table.sort(names)
for _, name in ipairs(names) do
	local ok, why = xpcall(tests[name], function(e)
		return type(e) == "string" and e or debug.traceback("error")
	end)
	if not ok then
		failed = failed + 1
	end
	print((ok and "ok     " or "FAILED ") .. name .. (ok and "" or ": " .. tostring(why)))
end
for _, path in ipairs(temporary) do
	os.remove(path)
end
print(#names - failed .. " passed, " .. failed .. " failed")
os.exit(failed == 0 and #names > 0)
