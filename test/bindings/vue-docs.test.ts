// @vitest-environment happy-dom
// The test that docs/frameworks/vue.md shows.
import 'virtual:docs/Items.test.ts'
