import { auth, config } from './auth.ts'
import { mountBreak, showFaults, showGrace } from './break/index.ts'
import { mountGuide } from './guide.ts'
import { mountItems } from './items.ts'
import { mountLog } from './log.ts'
import { mountLogin } from './login.ts'
import { mountProviderLogin } from './provider-login.ts'
import { mountSession } from './session.ts'
import { mountSetup, showServer } from './setup.ts'
import { mountTimeline } from './timeline/index.ts'

const { mode } = config
// What the page hides.
document.body.dataset.mode = mode

mountGuide(auth)
mountLog(auth)
mountSession(auth)
if (mode === 'oauth') mountProviderLogin(auth)
else mountLogin(auth)
mountItems(auth)
mountTimeline(auth, {
  config: server => {
    showServer(server, mode)
    showGrace(server)
  },
  faults: showFaults,
})
mountSetup(auth, config)
mountBreak(auth)
