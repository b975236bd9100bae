SRC += core/block/opts.c core/block/iov.c core/block/node.c core/block/open.c core/block/request.c core/block/create.c
SRC += core/block/file.c core/block/lock.c core/block/null.c core/block/raw.c core/block/backend.c core/block/drive.c core/block/throttle.c
SRC += core/block/crypt.c core/block/secret.c core/block/blocks.c core/block/vdi.c core/block/vpc.c core/block/vmdk.c core/block/vmdk_sparse.c core/block/vmdk_cid.c core/block/vmdk_create.c core/block/luks.c core/block/blkdebug.c core/block/nbd.c core/block/cor.c core/block/vhdx.c core/block/foreign.c core/block/packed.c
SRC += core/block/snapshot_list.c
SRC += core/block/tls_creds.c core/block/objects.c
