# SPDX-License-Identifier: BSD-3-Clause
"""One library for all that crosses a wire.

  shell    run a command; what failed is said with its output
  netns    a Lab owns network namespaces and the links between them, and removes them always
  world    the topology of quickstart and of the end-to-end tests
  wires    long lines: delay, loss and the like between two links (wire.c)
  mesh     sites of a mesh, far from each other; anycast that follows their health
  daemon   hamd in a namespace: start, wait for an event, stop, kill
  hamctl   what hamd says about itself, counters that have to move
  capture  tcpdump into a file, tshark's opinion of it
  raw      frames in and out of an interface, as they are
  mip6     Mobile IPv6 messages (scapy's layers)
  mn       a mobile node: signalling by scapy, data path by the kernel (seg6)
  homeagent  the home agent's data path by the kernel, to test the mobile node without hamd
  transfer   a TCP transfer that is timed and checked

It needs root, iproute2, nftables, ethtool, tcpdump, tshark and scapy 2.5.
"""
