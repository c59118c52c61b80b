# Every target is one call of tools/dev.py, so a machine without make has the same.
PYTHON ?= python3
TARGETS = help book test serve lab notebooks bench flavour gpu fuzz lint clean

$(TARGETS):
	@$(PYTHON) tools/dev.py $@ $(ARGS)

.PHONY: $(TARGETS)
