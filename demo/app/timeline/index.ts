import './timeline.css'
import { createHistory } from '../../../src/devtools/timeline/history.ts'
import { createStage } from '../../../src/devtools/timeline/stage.ts'
import { START, zoom } from '../../../src/devtools/timeline/viewport.ts'
import { realNow } from '../break/clock.ts'
import { button, byId } from '../dom.ts'
import type { Auth } from '../types.ts'
import { HERE, onEntry, tellTokens } from './feed.ts'
import { listenToOtherTabs } from './other-tabs.ts'
import { listenToServer, type ServerListener } from './server-events.ts'

const NARROW = 600

/** The live timeline: this tab, the other tabs and the server, as they happen. */
export function mountTimeline(auth: Auth, server: ServerListener): void {
  const history = createHistory(HERE)
  const { add, refresh } = createStage({
    controls: {
      view: byId('timeline-view', HTMLElement),
      surface: byId('timeline-surface', HTMLElement),
      pause: button('timeline-pause'),
      closer: button('timeline-closer'),
      wider: button('timeline-wider'),
      earlier: button('timeline-earlier'),
      later: button('timeline-later'),
    },
    detail: byId('timeline-detail', HTMLElement),
    history,
    here: HERE,
    now: realNow,
    view: innerWidth < NARROW ? zoom(START, 0.5, realNow()) : START,
  })

  onEntry(add)
  listenToServer(add, server)
  listenToOtherTabs({
    entry: add,
    opened: history.open,
    closed: id => {
      history.close(id)
      refresh()
    },
  })
  tellTokens(auth)
}
