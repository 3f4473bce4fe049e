# make run    installs what is missing, builds, and does the main job on the committed genuine files
# make test   installs what is missing, builds, and runs the tests
# Both are for a machine that has the Swift toolchain: Debian, Ubuntu, or macOS with Homebrew.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

MODULES      := hdf5 openblas libzip libpng libjpeg zlib
APT_PACKAGES := pkg-config libhdf5-dev libopenblas-dev libzip-dev libpng-dev libjpeg-dev zlib1g-dev
BREW_FORMULAE := pkgconf hdf5 openblas libzip libpng jpeg-turbo zlib

ifeq ($(shell uname -s),Darwin)
# Homebrew keeps openblas, jpeg-turbo and zlib out of the way of the system's own.
BREW_PREFIX := $(shell brew --prefix 2>/dev/null)
export PKG_CONFIG_PATH := $(BREW_PREFIX)/opt/openblas/lib/pkgconfig:$(BREW_PREFIX)/opt/jpeg-turbo/lib/pkgconfig:$(BREW_PREFIX)/opt/zlib/lib/pkgconfig:$(PKG_CONFIG_PATH)
endif

KERAS := .build/release/swift-keras
NET1  := fixtures/notebook/net1
NET2  := fixtures/notebook/net2
DIGITS := fixtures/digits
OUT   := .build/run

.PHONY: all deps build run test clean

all: build

# Installs the missing system packages, as root or through sudo, and says which.
deps:
	@if command -v pkg-config >/dev/null && pkg-config --exists $(MODULES); then exit 0; fi; \
	if [ "$$(uname -s)" = Darwin ]; then \
	  command -v brew >/dev/null || { echo "make: Homebrew is needed to install $(BREW_FORMULAE)" >&2; exit 69; }; \
	  echo "make: installing $(BREW_FORMULAE) with Homebrew"; brew install $(BREW_FORMULAE); \
	elif command -v apt-get >/dev/null; then \
	  echo "make: installing $(APT_PACKAGES) with apt-get"; \
	  if [ "$$(id -u)" = 0 ]; then as=(); else as=(sudo); fi; \
	  "$${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq; \
	  "$${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(APT_PACKAGES); \
	else \
	  echo "make: install the C libraries $(MODULES) with their pkg-config files" >&2; exit 69; \
	fi; \
	pkg-config --exists --print-errors $(MODULES)

build: deps
	swift build -c release --product swift-keras

run: build
	@mkdir -p $(OUT)
	@echo; echo "== The notebook's first network, as genuine Keras 2.3 saved it"
	$(KERAS) summary $(NET1)/cifar10_architecture.json
	@echo; echo "== Parity with genuine Keras, both networks"
	$(KERAS) verify $(NET1)/cifar10_architecture.json --weights $(NET1)/cifar10_weights.h5 $(NET1)/predictions.npz
	$(KERAS) verify $(NET2)/cifar10_architecture.json --weights $(NET2)/cifar10_weights.h5 $(NET2)/predictions.npz
	@echo; echo "== A photograph"
	$(KERAS) predict $(NET2)/cifar10_architecture.json --weights $(NET2)/cifar10_weights.h5 \
	  fixtures/images/chelsea.png --interpolation bilinear --labels cifar10 --top 3
	@echo; echo "== The photograph varied, as the notebook's ImageDataGenerator varies pictures"
	$(KERAS) augment fixtures/images/chelsea.png --output $(OUT)/varied --seed 7 --epochs 3 --rotation-range 40 \
	  --width-shift-range 0.2 --height-shift-range 0.2 --zoom-range 0.2 --horizontal-flip
	@echo; echo "== Two files to one whole model, and back"
	$(KERAS) convert $(NET2)/cifar10_architecture.json --weights $(NET2)/cifar10_weights.h5 $(OUT)/cifar10_model.h5
	$(KERAS) convert $(OUT)/cifar10_model.h5 $(OUT)/cifar10_architecture.json --weights-out $(OUT)/cifar10_weights.h5
	cmp $(NET2)/cifar10_architecture.json $(OUT)/cifar10_architecture.json
	$(KERAS) verify $(OUT)/cifar10_architecture.json --weights $(OUT)/cifar10_weights.h5 $(NET2)/predictions.npz
	@echo; echo "== A small CNN trained on real handwritten digits, saved as two files, read back, evaluated"
	$(KERAS) train $(DIGITS)/cnn.json $(DIGITS)/digits.npz --rescale 1/16 --loss sparse_categorical_crossentropy \
	  --optimizer adam --metrics accuracy --epochs 10 --batch-size 64 --validation-split 0.2 \
	  --output $(OUT)/digits.json --weights-out $(OUT)/digits.h5
	$(KERAS) evaluate $(OUT)/digits.json --weights $(OUT)/digits.h5 $(DIGITS)/digits.npz --rescale 1/16 \
	  --loss sparse_categorical_crossentropy --metrics accuracy

test: deps
	swift build --build-tests
	swift test --skip-build

clean:
	rm -rf .build
