/* core/block/node_int.h - between node.c and open.c. */
#ifndef CORE_BLOCK_NODE_INT_H
#define CORE_BLOCK_NODE_INT_H

struct blk_node;

/** blk_node_new - a node without driver, on the list, with one reference. */
struct blk_node *blk_node_new(void);
/** blk_node_free - off the list and gone; its children must have been let go. */
void blk_node_free(struct blk_node *n);

#endif
