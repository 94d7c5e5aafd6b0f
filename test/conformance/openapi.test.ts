// openapi.yaml is what other stacks build from: it must say what the code says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
