#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_activation.h"
#include "ck_attention.h"
#include "ck_crc32.h"
#include "ck_depthwise.h"
#include "ck_elementwise.h"
#include "ck_function.h"
#include "ck_gru.h"
#include "ck_loss.h"
#include "ck_lstm.h"
#include "ck_mask.h"
#include "ck_normalize.h"
#include "ck_optimizer.h"
#include "ck_pool.h"
#include "ck_product.h"
#include "ck_random.h"
#include "ck_rows.h"
#include "ck_softmax.h"
#include "ck_transpose.h"
#include "ck_warp.h"
#include "ck_winograd.h"

#endif
