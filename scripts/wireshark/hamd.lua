-- SPDX-License-Identifier: BSD-3-Clause
--
-- What sites of a mesh say to each other, as far as it can be read without keys: handshakes, the
-- outside of sealed datagrams (src/sync/session.h) and of hellos (src/sync/hello_seal.h); and with
-- the key log of one of the two sites (mesh.key-log-file) what is in these: of deltas and records
-- (src/sync/message.h, src/records/wire.h) every field, of other messages their octets.
--
--      wireshark -X lua_script:scripts/wireshark/hamd.lua -o hamd.port:PORT \
--          -o hamd.key_log:FILE CAPTURE
--
-- PORT is the sync port of the sites; hellos go to the next one. Without it, use "Decode As". Tags
-- are not verified: what was changed on the way is shown as what became of it.

local session = Proto("hamd", "hamd mesh session")
local hello = Proto("hamd_hello", "hamd mesh hello")

session.prefs.port = Pref.uint("Sync port", 0, "UDP port of the mesh; hellos go to the next one")
session.prefs.key_log = Pref.string("Key log", "", "What a site wrote into its mesh.key-log-file")

local VERSION, HELLO_VERSION = 1, 1
local SESSION_TYPES = { [1] = "Handshake initiation", [2] = "Handshake response",
	[3] = "Cookie", [4] = "Data" }
local HELLO_TYPES = { [1] = "Hello" }
local MESSAGES = { "Delta", "Acknowledgement", "Ask for a snapshot", "Digest", "Differ", "Keys",
	"Want", "Records" }
local STREAMS = { [0] = "changes", "snapshot", "last seen" }
local SAYS = { [0] = "joining", "ready", "draining", "left", [255] = "unheard" }

local f = {
	type = ProtoField.uint8("hamd.type", "Type", base.DEC, SESSION_TYPES),
	version = ProtoField.uint8("hamd.version", "Version"),
	node = ProtoField.uint8("hamd.node", "Node"),
	sender = ProtoField.uint32("hamd.sender", "Sender's number", base.HEX),
	receiver = ProtoField.uint32("hamd.receiver", "Receiver's number", base.HEX),
	from = ProtoField.uint8("hamd.from", "Sent by node", base.DEC, nil, nil,
		"The receiver's number names, in its low octet, the node that it was given to"),
	ephemeral = ProtoField.bytes("hamd.ephemeral", "Ephemeral key"),
	stamp = ProtoField.bytes("hamd.stamp", "Sealed timestamp"),
	empty = ProtoField.bytes("hamd.empty", "Sealed nothing"),
	mac1 = ProtoField.bytes("hamd.mac1", "MAC 1"),
	mac2 = ProtoField.bytes("hamd.mac2", "MAC 2"),
	has_cookie = ProtoField.bool("hamd.has_cookie", "With a cookie"),
	nonce = ProtoField.bytes("hamd.nonce", "Nonce"),
	cookie = ProtoField.bytes("hamd.cookie", "Sealed cookie"),
	counter = ProtoField.uint64("hamd.counter", "Counter"),
	sealed = ProtoField.bytes("hamd.sealed", "Sealed data"),
	sealed_len = ProtoField.uint16("hamd.sealed.len", "Octets sealed"),
	tag = ProtoField.bytes("hamd.tag", "Tag"),
	boot = ProtoField.uint64("hamd.boot", "Sender's boot", base.HEX),
	your_boot = ProtoField.uint64("hamd.your_boot", "Receiver's boot", base.HEX),
	message = ProtoField.uint8("hamd.message", "Message", base.DEC, MESSAGES),
	message_len = ProtoField.uint16("hamd.message.len", "Octets of it"),
	body = ProtoField.bytes("hamd.message.body", "Body"),
	stream = ProtoField.uint8("hamd.delta.stream", "Stream", base.DEC, STREAMS),
	flags = ProtoField.uint8("hamd.delta.flags", "Flags", base.HEX),
	ack_now = ProtoField.bool("hamd.delta.ack_now", "Somebody waits", 8, nil, 1),
	is_end = ProtoField.bool("hamd.delta.end", "Nothing follows", 8, nil, 2),
	is_ready = ProtoField.bool("hamd.delta.ready", "Of a site that is ready", 8, nil, 4),
	is_seen = ProtoField.bool("hamd.delta.seen", "Items are last seen numbers", 8, nil, 8),
	is_told = ProtoField.bool("hamd.delta.told", "All that the stream began with is told", 8, nil,
		16),
	stream_id = ProtoField.uint32("hamd.delta.id", "Number of the stream", base.HEX),
	number = ProtoField.uint32("hamd.delta.number", "Number of the datagram"),
	of_domain = ProtoField.uint32("hamd.delta.domain", "Snapshot of domain", base.HEX),
	base = ProtoField.uint64("hamd.delta.base", "Stream began at"),
	first = ProtoField.uint64("hamd.delta.first", "First position"),
	last = ProtoField.uint64("hamd.delta.last", "Last position"),
	domain = ProtoField.uint32("hamd.section.domain", "Section of domain", base.HEX),
	section_len = ProtoField.uint16("hamd.section.len", "Octets of it"),
	item_len = ProtoField.uint16("hamd.item.len", "Octets of item"),
	marks = ProtoField.uint8("hamd.item.marks", "Marks", base.HEX),
	is_tombstone = ProtoField.bool("hamd.record.tombstone", "Tombstone", 8, nil, 1),
	by_stamp = ProtoField.bool("hamd.item.by_stamp", "Ordered by timestamps", 8, nil, 2),
	no_coa = ProtoField.bool("hamd.record.no_coa", "Of no care-of address", 8, nil, 4),
	is_claim = ProtoField.bool("hamd.record.claim", "Owner as the content says", 8, nil, 8),
	has_by = ProtoField.bool("hamd.record.has_by", "Remaining time is another owner's", 8, nil, 16),
	bu_flags = ProtoField.uint16("hamd.record.flags", "Flags of the Binding Update", base.HEX),
	hoa = ProtoField.ipv6("hamd.item.hoa", "Home address"),
	ha = ProtoField.ipv6("hamd.item.ha", "Home agent address"),
	coa = ProtoField.ipv6("hamd.record.coa", "Care-of address"),
	epoch = ProtoField.uint64("hamd.item.epoch", "Content: epoch"),
	ext_seq = ProtoField.uint64("hamd.item.ext_seq", "Content: number"),
	hlc = ProtoField.uint64("hamd.record.hlc", "Content: clock", base.HEX),
	by_node = ProtoField.uint8("hamd.record.node", "Content: node"),
	owner_epoch = ProtoField.uint64("hamd.record.owner.epoch", "Owner: epoch"),
	owner_ext_seq = ProtoField.uint64("hamd.record.owner.ext_seq", "Owner: number"),
	owner_term = ProtoField.uint64("hamd.record.owner.term", "Owner: term"),
	owner = ProtoField.uint8("hamd.record.owner", "Owner: node"),
	granted = ProtoField.uint64("hamd.record.lifetime", "Lifetime granted, s"),
	remaining = ProtoField.uint64("hamd.record.remaining", "Lifetime remaining, ms"),
	by_term = ProtoField.uint64("hamd.record.remaining.term", "Remaining: owner's term"),
	by_owner = ProtoField.uint8("hamd.record.remaining.node", "Remaining: owner"),
	stamp_seen = ProtoField.uint64("hamd.item.stamp", "Last timestamp", base.HEX),
	mtu = ProtoField.uint16("hamd.record.mtu", "Path MTU"),
	mtu_age = ProtoField.uint16("hamd.record.mtu.age", "Path MTU: known for, s"),
	field = ProtoField.uint8("hamd.item.field", "Field that is not known here"),
}
session.fields = f

local h = {
	type = ProtoField.uint8("hamd_hello.type", "Type", base.DEC, HELLO_TYPES),
	version = ProtoField.uint8("hamd_hello.version", "Version"),
	node = ProtoField.uint8("hamd_hello.node", "Sent by node"),
	key = ProtoField.uint32("hamd_hello.key", "Name of the key", base.HEX),
	counter = ProtoField.uint64("hamd_hello.counter", "Counter"),
	sealed = ProtoField.bytes("hamd_hello.sealed", "Sealed hello"),
	sealed_len = ProtoField.uint16("hamd_hello.sealed.len", "Octets sealed"),
	tag = ProtoField.bytes("hamd_hello.tag", "Tag"),
	field = ProtoField.uint8("hamd_hello.field", "Field"),
	body = ProtoField.bytes("hamd_hello.body", "Body"),
	least = ProtoField.uint8("hamd_hello.version_min", "Least version"),
	most = ProtoField.uint8("hamd_hello.version_max", "Greatest version"),
	boot = ProtoField.uint64("hamd_hello.boot", "Boot", base.HEX),
	interval = ProtoField.uint32("hamd_hello.interval", "Interval, ms"),
	sent = ProtoField.uint64("hamd_hello.sent", "Sent, ms by the sender's clock"),
	wall = ProtoField.uint64("hamd_hello.wall", "Sent, ms since 1970"),
	hears = ProtoField.uint8("hamd_hello.hears", "Hears the receiver"),
	echo_boot = ProtoField.uint64("hamd_hello.echo.boot", "Echo: receiver's boot", base.HEX),
	echo_sent = ProtoField.uint64("hamd_hello.echo.sent", "Echo: sent, ms"),
	echo_age = ProtoField.uint32("hamd_hello.echo.age", "Echo: came so long ago, ms"),
	domain = ProtoField.uint32("hamd_hello.domain", "Domain", base.HEX),
	says = ProtoField.uint8("hamd_hello.says", "Says", base.DEC, SAYS),
	echo_says = ProtoField.uint8("hamd_hello.echo.says", "Heard to say", base.DEC, SAYS),
	up = ProtoField.uint8("hamd_hello.up", "Up there: node"),
	up_says = ProtoField.uint8("hamd_hello.up.says", "Which says", base.DEC, SAYS),
	setting = ProtoField.uint32("hamd_hello.setting", "Setting", base.HEX),
	label_key = ProtoField.uint64("hamd_hello.label_key", "Key of flow labels", base.HEX),
}
hello.fields = h

local e = {
	item = ProtoExpert.new("hamd.bad_item", "Not of the form that it should have",
		expert.group.MALFORMED, expert.severity.ERROR),
	length = ProtoExpert.new("hamd.bad_length", "Not of the length of its type",
		expert.group.MALFORMED, expert.severity.ERROR),
	type = ProtoExpert.new("hamd.bad_type", "Of a type that there is not",
		expert.group.MALFORMED, expert.severity.ERROR),
	version = ProtoExpert.new("hamd.other_version", "Of a version that this script cannot read",
		expert.group.UNDECODED, expert.severity.WARN),
}
session.experts = e

local eh = {
	length = ProtoExpert.new("hamd_hello.bad_length", "Too short or too long for a hello",
		expert.group.MALFORMED, expert.severity.ERROR),
	type = ProtoExpert.new("hamd_hello.bad_type", "Of a type that there is not",
		expert.group.MALFORMED, expert.severity.ERROR),
	version = ProtoExpert.new("hamd_hello.other_version",
		"Of a version that this script cannot read",
		expert.group.UNDECODED, expert.severity.WARN),
}
hello.experts = eh

-- Where each field of a message stands: { field, offset, octets }, one after the other.
local TAG, MAC = 16, 16
local INIT = { { f.node, 2, 1 }, { f.sender, 4, 4 }, { f.ephemeral, 8, 32 }, { f.stamp, 40, 8 + TAG },
	{ f.mac1, 64, MAC }, { f.mac2, 80, MAC }, len = 96 }
local RESPONSE = { { f.node, 2, 1 }, { f.sender, 4, 4 }, { f.receiver, 8, 4 },
	{ f.ephemeral, 12, 32 }, { f.empty, 44, TAG }, { f.mac1, 60, MAC }, { f.mac2, 76, MAC },
	len = 92 }
local COOKIE = { { f.receiver, 4, 4 }, { f.nonce, 8, 24 }, { f.cookie, 32, 16 + TAG }, len = 64 }
local LAYOUT = { INIT, RESPONSE, COOKIE }
local DATA_MIN = 16 + TAG
local HELLO_MAX = 1232

-- --- keys ---

local keys, hello_keys = {}, {}

local function octets(hex)
	return (hex:gsub("%x%x", function(pair)
		return string.char(tonumber(pair, 16))
	end))
end

-- control/mesh/key_log.h.
local function read_key_log(path)
	local file = path ~= "" and io.open(path) or nil

	keys, hello_keys = {}, {}
	if file == nil then
		return
	end
	for line in file:lines() do
		local receiver, key = line:match("^SESSION (%x+) (%x+)$")
		local name, began, answered, first, second =
			line:match("^HELLO (%x+) (%x+) (%x+) (%x+) (%x+)$")

		if receiver ~= nil then
			keys[tonumber(receiver, 16)] = octets(key)
		elseif name ~= nil then
			hello_keys[tonumber(name, 16)] = {
				[tonumber(first, 16)] = octets(began),
				[tonumber(second, 16)] = octets(answered) }
		end
	end
	file:close()
end

local band, bxor, lrotate = bit32.band, bit32.bxor, bit32.lrotate

local function word(text, at)
	local a, b, c, d = text:byte(at, at + 3)

	return a + b * 0x100 + c * 0x10000 + d * 0x1000000
end

local ROUNDS = { { 1, 5, 9, 13 }, { 2, 6, 10, 14 }, { 3, 7, 11, 15 }, { 4, 8, 12, 16 },
	{ 1, 6, 11, 16 }, { 2, 7, 12, 13 }, { 3, 8, 9, 14 }, { 4, 5, 10, 15 } }

-- 64 octets of ChaCha20's key stream, as words (RFC 8439, 2.3).
local function chacha_block(key, counter, nonce)
	local s = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }
	local x = {}

	for i = 0, 7 do
		s[5 + i] = word(key, 1 + 4 * i)
	end
	s[13] = counter
	for i = 0, 2 do
		s[14 + i] = word(nonce, 1 + 4 * i)
	end
	for i = 1, 16 do
		x[i] = s[i]
	end
	for _ = 1, 10 do
		for _, q in ipairs(ROUNDS) do
			local a, b, c, d = x[q[1]], x[q[2]], x[q[3]], x[q[4]]

			a = band(a + b, 0xffffffff)
			d = lrotate(bxor(d, a), 16)
			c = band(c + d, 0xffffffff)
			b = lrotate(bxor(b, c), 12)
			a = band(a + b, 0xffffffff)
			d = lrotate(bxor(d, a), 8)
			c = band(c + d, 0xffffffff)
			b = lrotate(bxor(b, c), 7)
			x[q[1]], x[q[2]], x[q[3]], x[q[4]] = a, b, c, d
		end
	end
	for i = 1, 16 do
		x[i] = band(x[i] + s[i], 0xffffffff)
	end
	return x
end

-- What ChaCha20-Poly1305 sealed (RFC 8439, 2.8: its text begins with block 1). counter: the eight
-- octets of it in the header. Returns a buffer to dissect.
local function opened(sealed, key, counter)
	local text, out = sealed:raw(), ByteArray.new()
	local nonce, stream = "\0\0\0\0" .. counter:raw(), nil

	out:set_size(#text)
	for i = 0, #text - 1 do
		if i % 64 == 0 then
			stream = chacha_block(key, 1 + i / 64, nonce)
		end
		local w = stream[1 + math.floor(i % 64 / 4)]

		out:set_index(i, bxor(text:byte(i + 1), bit32.extract(w, i % 4 * 8, 8)))
	end
	return out:tvb("Opened")
end

-- --- items: src/records/wire.h ---

-- Reads on from `at`; whoever reads behind the end is told so by an error, which ends the item.
local function reader(buf, tree)
	local r = { at = 0 }

	function r.add(field, len)
		local range = buf(r.at, len)

		tree:add(field, range)
		r.at = r.at + len
		return range
	end
	-- src/records/varint.h.
	function r.number(field)
		local from, value, shift = r.at, UInt64(0), 0

		repeat
			local octet = buf(r.at, 1):uint()

			value = value + UInt64(band(octet, 0x7f)):lshift(shift)
			shift, r.at = shift + 7, r.at + 1
		until octet < 0x80
		tree:add(field, buf(from, r.at - from), value)
	end
	-- The first octets of it are the home address'.
	function r.agent(hoa)
		local same = math.min(buf(r.at, 1):uint(), 16)
		local whole = hoa:bytes()

		for i = same, 15 do
			whole:set_index(i, buf(r.at + 1 + i - same, 1):uint())
		end
		local text = {}
		for i = 0, 14, 2 do
			text[#text + 1] = string.format("%x", whole:get_index(i) * 256 +
				whole:get_index(i + 1))
		end
		tree:add(f.ha, buf(r.at, 17 - same), Address.ipv6(table.concat(text, ":")))
		r.at = r.at + 17 - same
	end
	function r.fields()
		while r.at < buf:len() do
			local kind, len = buf(r.at, 1):uint(), buf(r.at + 1, 1):uint()

			r.at = r.at + 2
			if kind == 1 and len == 8 then
				r.add(f.stamp_seen, 8)
			elseif kind == 2 and len == 4 and not r.is_pair then
				r.add(f.mtu, 2)
				r.add(f.mtu_age, 2)
			else
				tree:add(f.field, buf(r.at - 2, 1))
				r.at = r.at + len
			end
		end
	end
	return r
end

local function dissect_record(buf, tree)
	local r = reader(buf, tree)
	local marks = buf(0, 1):uint()

	for _, mark in ipairs({ f.marks, f.is_tombstone, f.by_stamp, f.no_coa, f.is_claim, f.has_by }) do
		tree:add(mark, buf(0, 1))
	end
	r.at = 1
	r.add(f.bu_flags, 2)
	r.agent(r.add(f.hoa, 16))
	if band(marks, 4) == 0 then
		r.add(f.coa, 16)
	end
	local content = r.at
	r.number(f.epoch)
	r.number(f.ext_seq)
	r.add(f.hlc, 8)
	r.add(f.by_node, 1)
	if band(marks, 8) == 0 then
		r.number(f.owner_epoch)
		r.number(f.owner_ext_seq)
		r.number(f.owner_term)
		r.add(f.owner, 1)
	else -- the content's
		local own, next_at = buf(r.at - 1, 1), r.at

		r.at = content
		r.number(f.owner_epoch)
		r.number(f.owner_ext_seq)
		r.at = next_at
		tree:add(f.owner_term, own, UInt64(0)):set_generated()
		tree:add(f.owner, own)
	end
	r.number(f.granted)
	r.number(f.remaining)
	if band(marks, 16) ~= 0 then
		r.number(f.by_term)
		r.add(f.by_owner, 1)
	end
	r.fields()
end

local function dissect_pair(buf, tree)
	local r = reader(buf, tree)

	r.is_pair = true
	tree:add(f.marks, buf(0, 1))
	tree:add(f.by_stamp, buf(0, 1))
	r.at = 1
	r.agent(r.add(f.hoa, 16))
	r.number(f.epoch)
	r.number(f.ext_seq)
	r.fields()
end

-- Returns how many there are.
local function dissect_items(buf, tree, is_seen)
	local at, count = 0, 0

	while at < buf:len() do
		local low = buf(at, 1):uint()
		local head = low < 0x80 and 1 or 2
		local len = head == 1 and low or band(low, 0x7f) + buf(at + 1, 1):uint() * 0x80
		local there = math.min(len, buf:len() - at - head)
		local item = tree:add(session, buf(at, head + there), is_seen and "Last seen" or "Record")

		item:add(f.item_len, buf(at, head), len)
		-- One that is of no form ends with what could be read of it; the next one may be well.
		if there == 0 or not pcall(is_seen and dissect_pair or dissect_record,
			buf(at + head, there):tvb(), item) or there < len then
			item:add_proto_expert_info(e.item)
		end
		at, count = at + head + len, count + 1
	end
	return count
end

local function dissect_sections(buf, tree, is_seen)
	local at, count = 0, 0

	while at + 6 <= buf:len() do
		local len = buf(at + 4, 2):uint()

		tree:add(f.domain, buf(at, 4))
		tree:add(f.section_len, buf(at + 4, 2))
		if len > 0 then
			count = count + dissect_items(buf(at + 6, len):tvb(), tree, is_seen)
		end
		at = at + 6 + len
	end
	return count
end

-- Bodies that are more than octets, by type.
local DELTA_FIXED = 38
local BODIES = {
	[1] = function(buf, tree) -- delta
		local r = reader(buf, tree)
		local is_seen = band(buf(1, 1):uint(), 8) ~= 0

		r.add(f.stream, 1)
		for _, flag in ipairs({ f.ack_now, f.is_end, f.is_ready, f.is_seen, f.is_told }) do
			tree:add(flag, buf(1, 1))
		end
		r.add(f.flags, 1)
		r.add(f.stream_id, 4)
		r.add(f.number, 4)
		r.add(f.of_domain, 4)
		r.add(f.base, 8)
		r.add(f.first, 8)
		r.add(f.last, 8)
		return buf:len() == DELTA_FIXED and 0 or
			dissect_sections(buf(DELTA_FIXED):tvb(), tree, is_seen)
	end,
	[8] = function(buf, tree) -- records
		return dissect_sections(buf, tree, false)
	end,
}

-- src/sync/message.h: boots, then messages of type and length.
local function dissect_messages(buf, tree)
	local names, at = {}, 17

	if buf:len() < at then
		return
	end
	tree:add(f.boot, buf(1, 8))
	tree:add(f.your_boot, buf(9, 8))
	while at + 3 <= buf:len() do
		local kind, len = buf(at, 1):uint(), buf(at + 1, 2):uint()

		tree:add(f.message, buf(at, 1))
		tree:add(f.message_len, buf(at + 1, 2))
		local name = MESSAGES[kind] or "?"
		if len > 0 and at + 3 + len <= buf:len() then
			local body = tree:add(f.body, buf(at + 3, len))

			if BODIES[kind] ~= nil then
				local ok, items = pcall(BODIES[kind], buf(at + 3, len):tvb(), body)

				if ok then
					name = string.format("%s (%u)", name, items)
				else
					body:add_proto_expert_info(e.item)
				end
			end
		end
		names[#names + 1] = name
		at = at + 3 + len
	end
	return table.concat(names, ", ")
end

-- src/sync/hello_wire.c, field by field.
local function add_fields(tree, buf, at, fields)
	for _, field in ipairs(fields) do
		if at + field[2] > buf:len() then
			return at
		end
		tree:add(field[1], buf(at, field[2]))
		at = at + field[2]
	end
	return at
end

local HELLO_FIELDS = {
	function(buf, tree) -- base
		add_fields(tree, buf, 0, { { h.least, 1 }, { h.most, 1 }, { h.boot, 8 },
			{ h.interval, 4 }, { h.sent, 8 }, { h.wall, 8 } })
	end,
	function(buf, tree) -- echo
		add_fields(tree, buf, 0, { { h.hears, 1 }, { h.echo_boot, 8 }, { h.echo_sent, 8 },
			{ h.echo_age, 4 } })
	end,
	function(buf, tree) -- states
		for at = 0, buf:len() - 6, 6 do
			add_fields(tree, buf, at, { { h.domain, 4 }, { h.says, 1 },
				{ h.echo_says, 1 } })
		end
	end,
	function(buf, tree) -- peers
		for at = add_fields(tree, buf, 0, { { h.domain, 4 } }), buf:len() - 2, 2 do
			add_fields(tree, buf, at, { { h.up, 1 }, { h.up_says, 1 } })
		end
	end,
	function(buf, tree) -- settings
		for at = add_fields(tree, buf, 0, { { h.domain, 4 } }), buf:len() - 4, 4 do
			add_fields(tree, buf, at, { { h.setting, 4 } })
		end
	end,
	function(buf, tree) -- label
		add_fields(tree, buf, 0, { { h.domain, 4 }, { h.label_key, 8 } })
	end,
}

local function dissect_hello(buf, tree)
	local at = 0

	while at + 3 <= buf:len() do
		local kind, len = buf(at, 1):uint(), buf(at + 1, 2):uint()

		tree:add(h.field, buf(at, 1))
		if at + 3 + len > buf:len() then
			return
		end
		if len > 0 and HELLO_FIELDS[kind] ~= nil then
			HELLO_FIELDS[kind](buf(at + 3, len):tvb(), tree)
		elseif len > 0 then
			tree:add(h.body, buf(at + 3, len))
		end
		at = at + 3 + len
	end
end

-- --- what is in clear ---

local function add_all(tree, buf, layout)
	for _, field in ipairs(layout) do
		tree:add(field[1], buf(field[2], field[3]))
	end
end

local function is_zero(range)
	return range:bytes():tohex():find("[^0]") == nil
end

local function dissect_handshake(buf, tree)
	local kind = buf(0, 1):uint()
	local layout = LAYOUT[kind]
	local info = SESSION_TYPES[kind]

	if buf:len() ~= layout.len then
		tree:add_proto_expert_info(e.length)
		return info .. " [bad length]"
	end
	add_all(tree, buf, layout)
	if kind ~= 3 then
		local mac2 = buf(layout.len - MAC, MAC)

		info = string.format("%s, node %u, number 0x%08x", info, buf(2, 1):uint(),
			buf(4, 4):uint())
		tree:add(f.has_cookie, mac2, not is_zero(mac2)):set_generated()
	end
	if kind == 2 then
		tree:add(f.from, buf(11, 1)):set_generated()
		info = string.format("%s, to 0x%08x", info, buf(8, 4):uint())
	elseif kind == 3 then
		tree:add(f.from, buf(7, 1)):set_generated()
		info = string.format("%s from node %u, to 0x%08x", info, buf(7, 1):uint(),
			buf(4, 4):uint())
	end
	return info
end

local function dissect_data(buf, tree)
	local sealed = buf:len() - DATA_MIN

	if sealed < 0 then
		tree:add_proto_expert_info(e.length)
		return SESSION_TYPES[4] .. " [bad length]"
	end
	tree:add(f.receiver, buf(4, 4))
	tree:add(f.from, buf(7, 1)):set_generated()
	tree:add(f.counter, buf(8, 8))
	if sealed > 0 then
		tree:add(f.sealed, buf(16, sealed))
	end
	tree:add(f.sealed_len, sealed):set_generated()
	tree:add(f.tag, buf(buf:len() - TAG, TAG))
	local key, inside = keys[buf(4, 4):uint()], nil

	if sealed > 0 and key ~= nil then
		inside = dissect_messages(opened(buf(16, sealed), key, buf(8, 8)), tree)
	end
	if inside ~= nil then
		return string.format("%s from node %u: %s", SESSION_TYPES[4], buf(7, 1):uint(), inside)
	end
	return string.format("%s from node %u, to 0x%08x, counter %s, %s",
		SESSION_TYPES[4], buf(7, 1):uint(), buf(4, 4):uint(), buf(8, 8):uint64(),
		sealed > 0 and sealed .. " octets" or "nothing but a sign of life")
end

-- Type and version: nothing else can be told of what is of another kind. Returns why not.
local function dissect_head(buf, tree, fields, experts, types, version)
	if buf:len() < 2 then
		tree:add_proto_expert_info(experts.length)
		return "Too short"
	end
	tree:add(fields.type, buf(0, 1))
	tree:add(fields.version, buf(1, 1))
	if types[buf(0, 1):uint()] == nil then
		tree:add_proto_expert_info(experts.type)
		return "Unknown type"
	end
	if buf(1, 1):uint() ~= version then
		tree:add_proto_expert_info(experts.version)
		return "Other version"
	end
	return nil
end

function session.dissector(buf, pinfo, root)
	local tree = root:add(session, buf())
	local info = dissect_head(buf, tree, f, e, SESSION_TYPES, VERSION)

	pinfo.cols.protocol = "HAMD"
	if info == nil then
		info = buf(0, 1):uint() == 4 and dissect_data(buf, tree) or
			dissect_handshake(buf, tree)
	end
	tree:append_text(": " .. info)
	pinfo.cols.info = info
	return buf:len()
end

function hello.dissector(buf, pinfo, root)
	local tree = root:add(hello, buf())
	local info = dissect_head(buf, tree, h, eh, HELLO_TYPES, HELLO_VERSION)
	local sealed = buf:len() - DATA_MIN

	pinfo.cols.protocol = "HAMD hello"
	if info == nil and (sealed < 0 or buf:len() > HELLO_MAX) then
		tree:add_proto_expert_info(eh.length)
		info = "Hello [bad length]"
	elseif info == nil then
		tree:add(h.node, buf(2, 1))
		tree:add(h.key, buf(4, 4))
		tree:add(h.counter, buf(8, 8))
		if sealed > 0 then
			tree:add(h.sealed, buf(16, sealed))
		end
		tree:add(h.sealed_len, sealed):set_generated()
		tree:add(h.tag, buf(buf:len() - TAG, TAG))
		local key = (hello_keys[buf(4, 4):uint()] or {})[buf(2, 1):uint()]

		if sealed > 0 and key ~= nil then
			dissect_hello(opened(buf(16, sealed), key, buf(8, 8)), tree)
		end
		info = string.format("Hello of node %u, key 0x%08x, counter %s", buf(2, 1):uint(),
			buf(4, 4):uint(), buf(8, 8):uint64())
	end
	tree:append_text(": " .. info)
	pinfo.cols.info = info
	return buf:len()
end

local udp = DissectorTable.get("udp.port")
local port = 0

function session.prefs_changed()
	read_key_log(session.prefs.key_log)
	if port ~= 0 then
		udp:remove(port, session)
		udp:remove(port + 1, hello)
	end
	port = session.prefs.port
	if port ~= 0 then
		udp:add(port, session)
		udp:add(port + 1, hello)
	end
end

udp:add_for_decode_as(session)
udp:add_for_decode_as(hello)
