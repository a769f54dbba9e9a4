// @vitest-environment node
import { testBackend } from './suite.ts'

testBackend('fastapi')
