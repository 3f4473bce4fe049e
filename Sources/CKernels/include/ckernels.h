#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_activation.h"
#include "ck_depthwise.h"
#include "ck_elementwise.h"
#include "ck_gru.h"
