import { useData, withBase } from 'vitepress'
import { type Component, defineComponent, h, onMounted, ref, useId, watch } from 'vue'

/** Mermaid as its own package bundles it. To bundle it once more would take half of the time of a build. */
const MERMAID = import.meta.env.DEV ? '/node_modules/mermaid/dist/' : '/mermaid/'

const loadMermaid = (): Promise<typeof import('mermaid')> =>
  import(/* @vite-ignore */ withBase(`${MERMAID}mermaid.esm.min.mjs`))

/** A Mermaid block of a page. Mermaid is large, so only a page with a picture loads it. Until then the source is shown. */
export const Diagram: Component = defineComponent({
  props: { code: { type: String, required: true } },
  setup(props) {
    const { isDark } = useData()
    const code = decodeURIComponent(props.code)
    const id = useId()
    const picture = ref('')
    let drawn = 0

    async function draw() {
      const turn = ++drawn
      const { default: mermaid } = await loadMermaid()
      mermaid.initialize({
        startOnLoad: false,
        fontFamily: 'inherit',
        ...(isDark.value
          ? { theme: 'dark', themeVariables: { edgeLabelBackground: '#1b1b1f' } }
          : { theme: 'neutral' }),
      })
      const { svg } = await mermaid.render(`diagram-${id}-${turn}`, code)
      // The reader may have changed the colours meanwhile.
      if (turn === drawn) picture.value = svg
    }
    onMounted(draw)
    watch(isDark, draw)

    return () =>
      h(
        'div',
        { class: 'diagram', tabindex: 0 },
        picture.value ? h('div', { innerHTML: picture.value }) : h('pre', code),
      )
  },
})
