-- SPDX-License-Identifier: BSD-3-Clause
--
-- What sites of a mesh say to each other, as far as it can be read without keys: handshakes, the
-- outside of sealed datagrams (src/sync/session.h) and of hellos (src/sync/hello_seal.h).
--
--      wireshark -X lua_script:scripts/wireshark/hamd.lua -o hamd.port:PORT CAPTURE
--
-- PORT is the sync port of the sites; hellos go to the next one. Without it, use "Decode As".

local session = Proto("hamd", "hamd mesh session")
local hello = Proto("hamd_hello", "hamd mesh hello")

session.prefs.port = Pref.uint("Sync port", 0, "UDP port of the mesh; hellos go to the next one")

local VERSION, HELLO_VERSION = 1, 1
local SESSION_TYPES = { [1] = "Handshake initiation", [2] = "Handshake response",
	[3] = "Cookie", [4] = "Data" }
local HELLO_TYPES = { [1] = "Hello" }

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
}
hello.fields = h

local e = {
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
