/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program may ask of a virtio-net device besides moving frames: VIRTIO 1.4 section 5.1.9.5. Each of these
 * needs the control queue.
 *
 * See it at work: make run APP=nettest NET=user
 * Left out: notification coalescing, device statistics, RSS contexts, hashing of what is in tunnels.
 */
#include "drivers/virtio/net_frame.h"

/* Without the feature the device knows nothing of it. */
static int ask(const struct net_device *net, uint32_t needs)
{
	return net->can & needs ? ERR_IO : ERR_UNSUPPORTED;
}

int net_set_pairs(struct net_device *net, unsigned pairs)
{
	if (pairs == 0 || pairs > net->pairs_max)
		return ERR_RANGE;
	return pairs == net->pairs ? 0 : ask(net, NET_CAN_SET_PAIRS);
}

int net_set_modes(struct net_device *net, uint32_t modes)
{
	(void)modes;
	return ask(net, NET_CAN_SET_MODE);
}

int net_set_filter(struct net_device *net, const uint8_t (*unicast)[NET_MAC_BYTES],
		   unsigned unicast_count, const uint8_t (*multicast)[NET_MAC_BYTES],
		   unsigned multicast_count)
{
	(void)unicast;
	(void)multicast;
	if (unicast_count > NET_FILTER_MAX || multicast_count > NET_FILTER_MAX - unicast_count)
		return ERR_RANGE;
	return ask(net, NET_CAN_SET_MODE);
}

int net_set_mac(struct net_device *net, const uint8_t mac[NET_MAC_BYTES])
{
	return mac[0] & 1 ? ERR_INVALID : ask(net, NET_CAN_SET_MAC);
}

int net_vlan_add(struct net_device *net, uint16_t vlan)
{
	return vlan > 4095 ? ERR_RANGE : ask(net, NET_CAN_FILTER_VLAN);
}

int net_vlan_remove(struct net_device *net, uint16_t vlan)
{
	return vlan > 4095 ? ERR_RANGE : ask(net, NET_CAN_FILTER_VLAN);
}

int net_set_rss(struct net_device *net, const struct net_rss *rss)
{
	(void)rss;
	return ask(net, NET_CAN_SPREAD | NET_CAN_REPORT_HASH);
}

int net_set_hears(struct net_device *net, uint32_t hears)
{
	return hears == net->hears ? 0 : ask(net, NET_CAN_SET_HEARS);
}
